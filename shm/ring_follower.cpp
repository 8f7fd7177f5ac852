// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_follower.hpp>
#include <avrig/shm/sweep.hpp>

#include <algorithm>
#include <bit>

namespace avrig::shm {
namespace {

void collect(std::uint64_t mask, std::size_t count, std::vector<std::uint32_t>& out) {
  for (std::uint32_t index = 0; index < count; ++index) {
    if ((mask >> index) & 1) {
      out.push_back(index);
    }
  }
}

void add_once(std::vector<std::uint32_t>& list, std::uint32_t value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) {
    list.push_back(value);
  }
}

}  // namespace

RingFollower::RingFollower(Ring& ring,
                           std::uint32_t participant,
                           std::span<Bell> bells,
                           std::span<Ring* const> pools)
    : ring_(&ring),
      page_(&ring.participant_page(participant)),
      participant_(participant),
      entry_(ring.participants()[participant]),
      bells_(bells),
      pools_(pools.begin(), pools.end()) {
  const auto entries = ring.participants();
  const std::uint64_t me = std::uint64_t{1} << participant;
  collect(entry_.after, entries.size(), after_);
  collect(entry_.behind, entries.size(), behind_);
  add_once(wakes_on_hold_, ring.maker_bell());
  for (std::uint32_t index = 0; index < entries.size(); ++index) {
    if (((entry_.after >> index) & 1) && entries[index].part == Part::Editor) {
      editor_lines_.push_back(entries[index].editor_line);
    }
    if (entries[index].after & me) {
      add_once(wakes_on_done_, entries[index].bell);
    }
    if (entries[index].behind & me) {
      add_once(wakes_on_hold_, entries[index].bell);
    }
  }
  AVRIG_SWEEP_WINDOW(Recover);
  (void)page_->ledger.load(ledger_);
  next_ = page_->done.load(std::memory_order_relaxed);
  hold_ = page_->hold.load(std::memory_order_relaxed);
  if (ledger_.cursor > next_) {
    advance(ledger_.cursor);  // a jump that was decided, but not made
  }
}

bool RingFollower::available(std::uint64_t sequence) const noexcept {
  if (!ring_->published(sequence)) {
    return false;
  }
  for (const std::uint32_t index : after_) {
    if (ring_->participant_page(index).done.load(std::memory_order_seq_cst) <= sequence) {
      return false;
    }
  }
  for (const std::uint32_t index : behind_) {
    if (ring_->participant_page(index).hold.load(std::memory_order_seq_cst) <= sequence) {
      return false;
    }
  }
  return true;
}

bool RingFollower::ready() const noexcept {
  return ring_->maker_page().floor.load(std::memory_order_seq_cst) > next_ || available(next_);
}

// --- what is passed over -----------------------------------------------------------------------

void RingFollower::advance(std::uint64_t to) noexcept {
  AVRIG_SWEEP_WINDOW(Advance);
  next_ = to;
  // begun first: done must never pass it.
  if (page_->begun.load(std::memory_order_relaxed) < to) {
    page_->begun.store(to, std::memory_order_seq_cst);
  }
  // seq_cst: release for the frame, and one half of the wake-up's Dekker pair.
  page_->done.store(to, std::memory_order_seq_cst);
  page_->since_ns.store(0, std::memory_order_relaxed);
  ring_all(wakes_on_done_);
}

void RingFollower::lose(std::uint64_t to, DropReason reason) noexcept {
  ledger_.cursor = to;
  ledger_.dropped[static_cast<std::size_t>(reason)] += to - next_;
  page_->ledger.store(ledger_);
  const bool held_nothing = hold_ == next_;
  advance(to);
  if (held_nothing) {
    release(to);
  }
}

void RingFollower::count_void() noexcept {
  ledger_.cursor = next_ + 1;
  ++ledger_.voids;
  page_->ledger.store(ledger_);
}

// The newest frame that a lagging `may_skip` follower may jump to: never past a mark.
std::uint64_t RingFollower::newest_to_jump_to() const noexcept {
  std::uint64_t newest = next_;
  while (available(newest + 1)) {
    const std::uint64_t word = ring_->slot(newest).word.load(std::memory_order_relaxed);
    if (word_kind(word) != Kind::Frame && word_kind(word) != Kind::Empty) {
      break;
    }
    const std::uint64_t after = ring_->slot(newest + 1).word.load(std::memory_order_relaxed);
    if (word_kind(after) != Kind::Frame && word_kind(after) != Kind::Empty) {
      break;
    }
    ++newest;
  }
  return newest;
}

// --- taking ------------------------------------------------------------------------------------

bool RingFollower::resolve(Taken& taken) noexcept {
  const Ring* pool = ring_;
  taken.payload = {};
  if (taken.kind != Kind::Frame && taken.kind != Kind::Format) {
    return true;
  }
  if (ring_->is_reference()) {
    taken.buffer = taken.descriptor.reference_buffer;
    if (taken.buffer == kNoBuffer) {
      return true;
    }
    const auto found = std::find_if(pools_.begin(), pools_.end(), [&](const Ring* candidate) {
      return candidate->id() == taken.descriptor.reference_ring;
    });
    if (found == pools_.end()) {
      broken_ = "a frame names a pool that this stage was not sent";
      return false;
    }
    pool = *found;
  }
  if (taken.buffer >= pool->buffers() || !fits(taken.descriptor, pool->buffer_bytes())) {
    broken_ = "a descriptor points outside its pool";
    return false;
  }
  taken.payload = pool->buffer(taken.buffer);
  return true;
}

bool RingFollower::begin(std::uint64_t sequence, Taken& taken) noexcept {
  const MakerPage& maker = ring_->maker_page();
  page_->since_ns.store(monotonic_ns(), std::memory_order_relaxed);
  // seq_cst: pairs with the maker's store of floor. Either we see the raised floor here, or the
  // maker sees that the frame is in our hand and leaves its buffer alone.
  page_->begun.store(sequence + 1, std::memory_order_seq_cst);
  if (maker.floor.load(std::memory_order_seq_cst) > sequence) {
    return false;
  }
  const std::uint64_t word = ring_->slot(sequence).word.load(std::memory_order_acquire);
  ring_->read_body(sequence, taken.descriptor);
  // The buffer is ours, but its slot may have been overwritten under our copy: look again.
  std::atomic_thread_fence(std::memory_order_acquire);
  if (maker.floor.load(std::memory_order_relaxed) > sequence ||
      word_sequence(word) != (sequence & kSequenceMask)) {
    return false;
  }
  taken.sequence = sequence;
  taken.kind = word_kind(word);
  taken.buffer = word_buffer(word);
  return true;
}

bool RingFollower::dropped_by_editor(const Taken& taken) const noexcept {
  const DescriptorSlot& slot = ring_->slot(taken.sequence);
  return std::any_of(editor_lines_.begin(), editor_lines_.end(), [&](std::uint32_t line) {
    return slot.editor[line].tag.load(std::memory_order_acquire) == taken.sequence + 1 &&
           (slot.editor[line].verdict.load(std::memory_order_relaxed) & 0xffff'ffff) != 0;
  });
}

RingFollower::Next RingFollower::try_next(Taken& taken) noexcept {
  for (;;) {
    const std::uint64_t floor = ring_->maker_page().floor.load(std::memory_order_seq_cst);
    if (floor > next_) {
      lose(floor, entry_.loss == Loss::MaySkip ? DropReason::Skipped : DropReason::Slack);
      continue;
    }
    if (!available(next_)) {
      return Next::Nothing;
    }
    if (entry_.loss == Loss::MaySkip) {
      if (const std::uint64_t newest = newest_to_jump_to(); newest > next_) {
        lose(newest, DropReason::Skipped);
      }
    }
    if (!begin(next_, taken)) {
      continue;  // overtaken: the floor has passed it
    }
    if (taken.descriptor.sequence != taken.sequence) {
      broken_ = "a descriptor carries another frame's number";
      return Next::Broken;
    }
    if (!resolve(taken)) {
      return Next::Broken;
    }
    if (taken.kind == Kind::Empty || (taken.kind == Kind::Frame && dropped_by_editor(taken))) {
      const bool held_nothing = hold_ == next_;
      count_void();
      advance(next_ + 1);
      if (held_nothing) {
        release(next_);
      }
      continue;
    }
    return Next::Taken;
  }
}

void RingFollower::complete(const Taken& taken) noexcept {
  if (taken.kind != Kind::Frame) {
    count_void();
    ended_ = ended_ || taken.kind == Kind::End;
  }
  advance(taken.sequence + 1);
}

void RingFollower::complete_quarantined(const Taken& taken) noexcept {
  ledger_.cursor = taken.sequence + 1;
  ++ledger_.quarantined;
  page_->ledger.store(ledger_);
  advance(taken.sequence + 1);
}

void RingFollower::complete_dropped(const Taken& taken, DropReason reason) noexcept {
  ledger_.cursor = taken.sequence + 1;
  ++ledger_.dropped[static_cast<std::size_t>(reason)];
  page_->ledger.store(ledger_);
  advance(taken.sequence + 1);
}

void RingFollower::release(std::uint64_t sequence) noexcept {
  const std::uint64_t to = std::min(sequence, next_);
  if (to <= hold_) {
    return;
  }
  hold_ = to;
  page_->hold.store(to, std::memory_order_seq_cst);
  ring_all(wakes_on_hold_);
}

void RingFollower::skip_to(std::uint64_t sequence) noexcept {
  while (next_ < sequence && ring_->published(next_)) {
    const std::uint64_t word = ring_->slot(next_).word.load(std::memory_order_acquire);
    if (word_kind(word) != Kind::Frame) {
      count_void();
      ended_ = ended_ || word_kind(word) == Kind::End;
    }
    advance(next_ + 1);
  }
}

bool RingFollower::look_back(std::uint64_t sequence, Taken& taken) noexcept {
  if (sequence < hold_ || sequence >= next_ ||
      ring_->maker_page().floor.load(std::memory_order_seq_cst) > sequence ||
      !ring_->published(sequence)) {
    return false;
  }
  const std::uint64_t word = ring_->slot(sequence).word.load(std::memory_order_acquire);
  ring_->read_body(sequence, taken.descriptor);
  taken.sequence = sequence;
  taken.kind = word_kind(word);
  taken.buffer = word_buffer(word);
  return taken.descriptor.sequence == sequence && resolve(taken) && !dropped_by_editor(taken);
}

void RingFollower::ring_all(std::span<const std::uint32_t> bells) noexcept {
  for (const std::uint32_t bell : bells) {
    if (bell < bells_.size()) {
      shm::ring(bells_[bell]);
    }
  }
}

void RingFollower::note_latency(const Taken& taken, std::int64_t now_ns) noexcept {
  const std::int64_t ns = std::max<std::int64_t>(now_ns - taken.descriptor.published_ns, 1);
  // Four buckets an octave from 2^10 ns (1 us).
  const auto value = static_cast<std::uint64_t>(ns);
  std::size_t bucket = 0;
  if (value >= 1024) {
    const auto octave = static_cast<std::size_t>(std::bit_width(value) - 1);
    bucket = 1 + (octave - 10) * 4 + ((value >> (octave - 2)) & 3);
  }
  auto& count = page_->latency[std::min(bucket, kLatencyBuckets - 1)];
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (ns > page_->latency_max_ns.load(std::memory_order_relaxed)) {
    page_->latency_max_ns.store(ns, std::memory_order_relaxed);
  }
}

std::uint64_t undelivered(const Ledger& ledger) noexcept {
  std::uint64_t sum = ledger.quarantined + ledger.voids;
  for (const std::uint64_t dropped : ledger.dropped) {
    sum += dropped;
  }
  return sum;
}

EdgeCount count_edge(const Ring& ring, std::uint32_t participant) noexcept {
  EdgeCount count;
  const ParticipantPage& page = ring.participant_page(participant);
  Ledger ledger{};
  (void)page.ledger.load(ledger);
  const std::uint64_t done = std::max(page.done.load(std::memory_order_acquire), ledger.cursor);
  const std::uint64_t head = std::max(ring.maker_page().head.load(std::memory_order_acquire), done);
  for (std::size_t reason = 0; reason < kDropReasons; ++reason) {
    count.dropped_by[reason] = ledger.dropped[reason];
    count.dropped += ledger.dropped[reason];
  }
  count.quarantined = ledger.quarantined;
  count.delivered = done - std::min(done, undelivered(ledger));
  count.in_flight = 0;
  for (std::uint64_t sequence = done; sequence < head; ++sequence) {
    const std::uint64_t word = ring.slot(sequence).word.load(std::memory_order_relaxed);
    count.in_flight += word_kind(word) == Kind::Frame ? 1u : 0u;
  }
  count.produced = done - ledger.voids + count.in_flight;
  return count;
}

}  // namespace avrig::shm
