// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "fetch.hpp"
#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_maker.hpp>
#include <avrig/shm/sweep.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace avrig::shm {
namespace {

constexpr std::uint64_t kNoPin = 0;

bool is_void(Kind kind) noexcept {
  return kind != Kind::Frame;
}

}  // namespace

RingMaker::RingMaker(Ring& ring, std::span<Bell> bells)
    : ring_(&ring),
      bells_(bells),
      named_(ring.slots(), kNoBuffer),
      state_(ring.buffers(), State::Free),
      kept_(ring.buffers(), 0) {
  free_.reserve(ring.buffers());
  pins_.reserve(kMaxPins);
  // Who also waits for another stage of this ring is rung by that one, when its turn has come.
  const auto entries = ring.participants();
  const std::uint64_t known = (std::uint64_t{1} << entries.size()) - 1;
  for (std::uint32_t index = 0; index < entries.size(); ++index) {
    if (((entries[index].after | entries[index].behind) & known) == 0 &&
        entries[index].bell < bells.size()) {
      wakes_.push_back(index);
    }
  }
  recover();
}

// --- recovery: everything follows from descriptors, cursors and the pins of the maker page -------

void RingMaker::recover() {
  AVRIG_SWEEP_WINDOW(Recover);
  MakerPage& page = ring_->maker_page();
  head_ = ring_->find_head();
  floor_ = page.floor.load(std::memory_order_relaxed);
  page.wanted.store(0, std::memory_order_relaxed);
  page.head.store(head_, std::memory_order_relaxed);
  if (head_ > 0) {
    Descriptor newest;
    Kind kind = Kind::None;
    if (read(head_ - 1, newest, kind)) {
      last_ = newest;
      ended_ = kind == Kind::End;
    }
  }
  const std::uint64_t oldest = head_ > ring_->slots() ? head_ - ring_->slots() : 0;
  tail_ = std::min(std::max({lowest_hold(false), floor_, oldest}), head_);
  // Newest first: a buffer belongs to the newest frame that names it.
  for (std::uint64_t sequence = head_; sequence-- > oldest;) {
    const std::uint64_t word = ring_->slot(sequence).word.load(std::memory_order_acquire);
    if (word_sequence(word) == (sequence & kSequenceMask) && word_kind(word) == Kind::Frame) {
      adopt_named(sequence, word_buffer(word));
    }
  }
  adopt_pins();
  for (std::uint32_t buffer = ring_->buffers(); buffer-- > 0;) {
    if (state_[buffer] == State::Free) {
      free_.push_back(buffer);
    }
  }
}

void RingMaker::adopt_named(std::uint64_t sequence, std::uint32_t buffer) noexcept {
  const bool is_reference = ring_->is_reference();
  if (!is_reference && (buffer >= state_.size() || state_[buffer] != State::Free)) {
    return;
  }
  if (sequence >= tail_) {
    if (!is_reference) {
      state_[buffer] = State::Named;
      named_[sequence % ring_->slots()] = buffer;
    }
  } else if (!let_go_by_all(sequence) && pins_.size() < kMaxPins) {
    if (!is_reference) {
      state_[buffer] = State::Pinned;
    }
    pins_.push_back({sequence, is_reference ? kNoBuffer : buffer, kMaxPins});
  }
}

RingMaker::Pin* RingMaker::find_pin(std::uint64_t sequence, std::uint32_t buffer) noexcept {
  const auto found = std::find_if(pins_.begin(), pins_.end(), [&](const Pin& pin) {
    return pin.sequence == sequence && pin.buffer == buffer;
  });
  return found == pins_.end() ? nullptr : &*found;
}

// Pins outlive their descriptors' slots. One whose buffer a newer descriptor names is stale: its
// clearing was the last thing that was not done.
void RingMaker::adopt_pins() noexcept {
  auto& places = ring_->maker_page().pins;
  for (std::uint32_t place = 0; place < kMaxPins; ++place) {
    const std::uint64_t word = places[place].load(std::memory_order_relaxed);
    if (word == kNoPin) {
      continue;
    }
    const std::uint64_t sequence = widen_sequence(word_sequence(word), head_);
    const std::uint32_t buffer = word_buffer(word);
    const bool is_reference = ring_->is_reference() && buffer == kNoBuffer;
    const bool is_free = buffer < state_.size() && state_[buffer] == State::Free;
    Pin* pin = find_pin(sequence, buffer);
    if (pin != nullptr && pin->place == kMaxPins) {
      pin->place = place;
    } else if (pin == nullptr && (is_reference || is_free) && pins_.size() < kMaxPins) {
      if (is_free) {
        state_[buffer] = State::Pinned;
      }
      pins_.push_back({sequence, buffer, place});
    } else {
      places[place].store(kNoPin, std::memory_order_relaxed);
    }
  }
  for (Pin& pin : pins_) {
    if (pin.place == kMaxPins) {
      pin.place = write_pin(pin.sequence, pin.buffer);
    }
  }
}

bool RingMaker::read(std::uint64_t sequence, Descriptor& out, Kind& kind) const noexcept {
  std::uint64_t word = 0;
  if (!ring_->read(sequence, out, word)) {
    return false;
  }
  kind = word_kind(word);
  return true;
}

// --- what is free ------------------------------------------------------------------------------

bool RingMaker::let_go_by_all(std::uint64_t sequence) const noexcept {
  const std::uint64_t floor = floor_;
  for (std::uint32_t index = 0; index < ring_->participants().size(); ++index) {
    const ParticipantPage& page = ring_->participant_page(index);
    // seq_cst: begun pairs with our store of floor (Dekker): either the follower sees the raised
    // floor and lets the frame be, or we see that it has begun it.
    const bool released = sequence < page.hold.load(std::memory_order_seq_cst);
    const bool lost = sequence < floor && sequence >= page.begun.load(std::memory_order_seq_cst);
    if (!released && !lost) {
      return false;
    }
  }
  return true;
}

std::uint64_t RingMaker::lowest_hold(bool must_only) const noexcept {
  std::uint64_t lowest = head_;
  const auto entries = ring_->participants();
  for (std::uint32_t index = 0; index < entries.size(); ++index) {
    if (must_only && entries[index].loss == Loss::MaySkip) {
      continue;
    }
    // seq_cst: also the condition of a wait, pairs with the follower's store of hold.
    lowest = std::min(lowest, ring_->participant_page(index).hold.load(std::memory_order_seq_cst));
  }
  return lowest;
}

void RingMaker::free_buffer(std::uint32_t buffer) noexcept {
  state_[buffer] = State::Free;
  if (kept_[buffer] == 0) {
    free_.push_back(buffer);
  }
}

void RingMaker::reclaim() noexcept {
  AVRIG_SWEEP_WINDOW(Reclaim);
  const std::uint64_t released = lowest_hold(false);
  for (; tail_ < released; ++tail_) {
    std::uint32_t& buffer = named_[tail_ % ring_->slots()];
    if (buffer != kNoBuffer) {
      free_buffer(std::exchange(buffer, kNoBuffer));
    }
  }
  for (std::size_t index = pins_.size(); index-- > 0;) {
    if (!let_go_by_all(pins_[index].sequence)) {
      continue;
    }
    if (pins_[index].place < kMaxPins) {
      ring_->maker_page().pins[pins_[index].place].store(kNoPin, std::memory_order_relaxed);
    }
    if (pins_[index].buffer != kNoBuffer) {
      free_buffer(pins_[index].buffer);
    }
    pins_[index] = pins_.back();
    pins_.pop_back();
  }
}

// Written down before the descriptor can be overwritten: a successor must find it.
std::uint32_t RingMaker::write_pin(std::uint64_t sequence, std::uint32_t buffer) noexcept {
  auto& pins = ring_->maker_page().pins;
  std::uint32_t place = 0;
  while (place < kMaxPins && pins[place].load(std::memory_order_relaxed) != kNoPin) {
    ++place;
  }
  if (place < kMaxPins) {
    pins[place].store(make_word(sequence, Kind::Frame, buffer), std::memory_order_release);
  }
  return place;
}

bool RingMaker::raise_floor(std::uint64_t floor) noexcept {
  while (tail_ < floor) {
    if (pins_.size() >= kMaxPins) {
      return false;
    }
    floor_ = tail_ + 1;
    ring_->maker_page().floor.store(floor_, std::memory_order_seq_cst);
    const std::uint64_t sequence = tail_++;
    const std::uint32_t buffer =
        std::exchange(named_[sequence % ring_->slots()], std::uint32_t{kNoBuffer});
    if (buffer == kNoBuffer && !ring_->is_reference()) {
      continue;  // a mark
    }
    if (!let_go_by_all(sequence)) {
      if (buffer != kNoBuffer) {
        state_[buffer] = State::Pinned;
      }
      pins_.push_back({sequence, buffer, write_pin(sequence, buffer)});
    } else if (buffer != kNoBuffer) {
      free_buffer(buffer);
    }
  }
  return true;
}

// Take the oldest frame that nobody with a claim to it still needs. A maker fed by files alone
// gives way to `must` followers; a live one to nobody.
bool RingMaker::make_room() noexcept {
  const std::uint64_t limit = ring_->live() ? head_ : lowest_hold(true);
  return tail_ < limit && raise_floor(tail_ + 1);
}

std::uint64_t RingMaker::tail() noexcept {
  reclaim();
  std::uint64_t oldest = tail_;
  for (const Pin& pin : pins_) {
    oldest = std::min(oldest, pin.sequence);
  }
  return oldest;
}

void RingMaker::leave_to_skippers(std::uint64_t most) noexcept {
  // The cheap look first: few frames are out at all.
  if (head_ - tail_ <= most) {
    return;
  }
  reclaim();
  const std::uint64_t wanted = lowest_hold(true);
  if (wanted > tail_ + most) {
    (void)raise_floor(wanted - most);
  }
}

std::optional<std::uint32_t> RingMaker::try_claim() noexcept {
  if (free_.empty()) {
    reclaim();
  }
  while (free_.empty() && make_room()) {
  }
  if (free_.empty()) {
    return std::nullopt;
  }
  const std::size_t spared = spares_.load(std::memory_order_relaxed)
                                 ? std::min<std::size_t>(ring_->guard(), free_.size() - 1)
                                 : 0;
  const auto chosen = free_.end() - 1 - static_cast<std::ptrdiff_t>(spared);
  const std::uint32_t buffer = *chosen;
  free_.erase(chosen);
  fetch_ahead();
  state_[buffer] = State::Claimed;
  // Odd while it is written. The fence keeps the payload's first byte behind it, for taps.
  std::atomic<std::uint64_t>& generation = ring_->generation(buffer);
  generation.store(generation.load(std::memory_order_relaxed) | 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  return buffer;
}

// Followers read what we shall write next long ago: have it come back while we write this one.
void RingMaker::fetch_ahead() const noexcept {
  fetch_to_write(&ring_->slot(head_ + 2), 2);
  if (!free_.empty()) {
    fetch_to_write(memory(free_.back()).data(), ring_->buffer_bytes() / kLineBytes);
  }
}

void RingMaker::abandon(std::uint32_t buffer) noexcept {
  free_buffer(buffer);
}

// Each publication pins at most one frame more; a pin that cannot be written down must not be.
bool RingMaker::can_pin() noexcept {
  if (pins_.size() + 1 >= kMaxPins) {
    reclaim();
  }
  return pins_.size() + 1 < kMaxPins;
}

bool RingMaker::may_publish() noexcept {
  if (ring_->live() || !can_pin()) {
    return can_pin();
  }
  const std::uint64_t usable = ring_->usable();
  // Cursors only grow: what was free stays free. Looking again takes the line that the followers
  // write from them, so it is left until nothing else is known to be free.
  if (head_ - barrier_ < usable) {
    return true;
  }
  barrier_ = lowest_hold(true);
  if (head_ - barrier_ >= usable) {
    ask_for_room();
    settle();
    barrier_ = lowest_hold(true);  // again: the other half of the wake-up's Dekker pair
  }
  if (head_ - barrier_ >= usable) {
    return false;
  }
  ask_for(0);
  return true;
}

void RingMaker::ask_for_room() noexcept {
  const std::uint64_t usable = ring_->usable();
  if (asked_at_ != head_ && last_) {
    const std::uint64_t passed_ns =
        static_cast<std::uint64_t>(last_->published_ns) - static_cast<std::uint64_t>(asked_ns_);
    const std::uint64_t gap_ns = asked_ns_ == 0 ? 0 : passed_ns / (head_ - asked_at_);
    room_worth_ = worth_waking(usable, gap_ns);
    patience_ns_ = static_cast<std::int64_t>(usable / 2 * gap_ns);
    asked_at_ = head_;
    asked_ns_ = last_->published_ns;
    ring_->maker_page().full_at.store(head_ + 1, std::memory_order_relaxed);
  }
  ask_for(head_ - usable + room_worth_);
  if (ring_->maker_bell() < bells_.size()) {
    may_take(bells_[ring_->maker_bell()], patience_ns_);
  }
}

void RingMaker::ask_for(std::uint64_t sequence) noexcept {
  if (wanted_ != sequence) {
    wanted_ = sequence;
    // seq_cst: who waits looks at `hold` behind this store, and who lets go looks at this word
    // behind its store of `hold`; so one of them sees the other's.
    ring_->maker_page().wanted.store(sequence, std::memory_order_seq_cst);
  }
}

bool RingMaker::ready() noexcept {
  if (!may_publish()) {
    return false;
  }
  if (ring_->is_reference()) {
    return true;
  }
  if (free_.empty()) {
    reclaim();
  }
  while (free_.empty() && make_room()) {
  }
  return !free_.empty();
}

// --- publishing --------------------------------------------------------------------------------

void RingMaker::write_slot(Descriptor& descriptor, Kind kind, std::uint32_t buffer) noexcept {
  descriptor.sequence = head_;
  descriptor.published_ns = monotonic_ns();
  descriptor.voids = (last_ ? last_->voids : 0) + (is_void(kind) ? 1 : 0);
  descriptor.drops = (last_ ? last_->drops : 0) + (kind == Kind::Empty ? 1 : 0);
  DescriptorSlot& slot = ring_->slot(head_);
  // Who copies this slot while we overwrite it must see, in a second look, the floor that we raised
  // before and the new sequence: both lie in front of the fence, the rest of the body behind it.
  slot.body[0].store(head_, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  const auto* from = reinterpret_cast<const std::byte*>(&descriptor);
  for (std::size_t word = 1; word < kDescriptorWords; ++word) {
    std::uint64_t value = 0;
    std::memcpy(&value, from + word * sizeof value, sizeof value);
    // What the slot says already is left: its line stays in the followers' caches, and in ours.
    if (slot.body[word].load(std::memory_order_relaxed) != value) {
      slot.body[word].store(value, std::memory_order_relaxed);
    }
  }
  // The commit. seq_cst: release for what it names, and one half of the wake-up's Dekker pair.
  slot.word.store(make_word(head_, kind, buffer), std::memory_order_seq_cst);
  ++head_;
  ring_->maker_page().head.store(head_, std::memory_order_relaxed);
  last_ = descriptor;
}

void RingMaker::vacate_slot() noexcept {
  const std::uint64_t usable = ring_->slots() - ring_->guard();
  const std::uint64_t oldest_kept = head_ + 1 > usable ? head_ + 1 - usable : 0;
  if (tail_ < oldest_kept) {
    reclaim();
  }
  if (tail_ < oldest_kept) {
    (void)raise_floor(oldest_kept);
  }
}

void RingMaker::commit(Kind kind, Descriptor& descriptor, std::uint32_t buffer) noexcept {
  AVRIG_SWEEP_WINDOW(Publish);
  vacate_slot();
  if (buffer != kNoBuffer) {
    // Even again, and told to taps, before the descriptor that names it: a tap that sees the name
    // sees a whole frame.
    std::atomic<std::uint64_t>& generation = ring_->generation(buffer);
    descriptor.generation = (generation.load(std::memory_order_relaxed) | 1) + 1;
    generation.store(descriptor.generation, std::memory_order_release);
    state_[buffer] = State::Named;
    named_[head_ % ring_->slots()] = buffer;
  }
  write_slot(descriptor, kind, buffer);
  ring_followers(kind != Kind::Frame || !ring_->is_reference());
}

// Only a gate leaves followers asleep that want several frames: it passes on what others made, and
// sleeps as soon as there is nothing more. Who makes frames may be long about the next one.
void RingMaker::ring_followers(bool at_once) noexcept {
  for (const std::uint32_t index : wakes_) {
    Bell& bell = bells_[ring_->participants()[index].bell];
    if (!sleeps(bell)) {
      continue;
    }
    // Read behind the frame's word, as the bell was: who asks later looks for the frame itself.
    const std::uint64_t wanted =
        ring_->participant_page(index).wanted.load(std::memory_order_seq_cst);
    if (at_once || head_ >= wanted) {
      shm::ring(bell);
    } else {
      owed_ |= std::uint64_t{1} << index;
    }
  }
}

void RingMaker::settle() noexcept {
  if (std::exchange(owed_, 0) != 0) {
    ring_followers(true);
  }
}

void RingMaker::publish(Descriptor& descriptor, std::uint32_t buffer) noexcept {
  commit(Kind::Frame, descriptor, buffer);
}

void RingMaker::publish(Kind kind, Descriptor& descriptor) noexcept {
  AVRIG_SWEEP_WINDOW(Refer);
  commit(kind, descriptor, kNoBuffer);
  ended_ = ended_ || kind == Kind::End;
}

void RingMaker::keep(std::uint32_t buffer) noexcept {
  ++kept_[buffer];
}

void RingMaker::let_go(std::uint32_t buffer) noexcept {
  if (--kept_[buffer] == 0 && state_[buffer] == State::Free) {
    free_.push_back(buffer);
  }
}

void RingMaker::count_overrun() noexcept {
  std::atomic<std::uint64_t>& overrun = ring_->maker_page().overrun;
  overrun.store(overrun.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace avrig::shm
