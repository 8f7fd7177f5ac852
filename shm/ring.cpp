// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/shm/ring.hpp>
#include <avrig/shm/sweep.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace avrig::shm {
namespace {

struct Extents {
  std::uint64_t participant, descriptor, generation, undo, pool, end;
};

std::uint64_t buffer_stride(std::uint64_t bytes) noexcept {
  return round_up(std::max<std::uint64_t>(bytes, 64), bytes >= kPageBytes ? kPageBytes : 64);
}

std::uint64_t undo_total(std::span<const ParticipantEntry> entries) noexcept {
  std::uint64_t total = 0;
  for (const ParticipantEntry& entry : entries) {
    total += round_up(entry.undo_bytes, kPageBytes);
  }
  return total;
}

Extents extents(std::uint32_t slots,
                std::uint32_t buffers,
                std::uint64_t stride,
                std::span<const ParticipantEntry> entries) noexcept {
  Extents at{};
  at.participant = 2 * kPageBytes;
  at.descriptor = at.participant + entries.size() * kPageBytes;
  at.generation =
      at.descriptor + round_up(std::uint64_t{slots} * sizeof(DescriptorSlot), kPageBytes);
  at.undo = at.generation + round_up(std::uint64_t{buffers} * sizeof(std::uint64_t), kPageBytes);
  at.pool = at.undo + undo_total(entries);
  at.end = at.pool + round_up(buffers * stride, kPageBytes);
  return at;
}

void require(bool good, const char* what) {
  if (!good) {
    throw Error(ErrorCode::Internal, std::string("cannot lay out a ring: ") + what);
  }
}

void check_spec(const RingSpec& spec) {
  require(spec.slots >= spec.guard + 2, "fewer slots than its guard and two frames");
  require(spec.slots <= (1u << 20), "more than a million slots");
  require(spec.buffers < kNoBuffer, "more than 65534 buffers");
  require(spec.buffers == 0 || spec.buffer_bytes > 0, "a pool of empty buffers");
  require(spec.buffer_bytes < (std::uint64_t{1} << 40), "a buffer of a terabyte");
  require(spec.window >= 1 && spec.window <= spec.slots - spec.guard, "window beyond its slots");
  require(spec.participants.size() <= kMaxParticipants, "more than 32 stages follow it");
}

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::Open, "cannot map a ring: " + why);
}

}  // namespace

std::uint64_t Ring::bytes_needed(const RingSpec& spec) {
  check_spec(spec);
  return extents(spec.slots, spec.buffers, buffer_stride(spec.buffer_bytes), spec.participants).end;
}

void Ring::lay_out(std::span<std::byte> memory, const RingSpec& spec) {
  const std::uint64_t needed = bytes_needed(spec);
  require(memory.size() >= needed, "its memory is too small");
  const std::uint64_t stride = buffer_stride(spec.buffer_bytes);
  const Extents at = extents(spec.slots, spec.buffers, stride, spec.participants);
  auto* header = new (memory.data()) RingHeader{};
  header->magic = kRingMagic;
  header->layout_version = kLayoutVersion;
  header->header_bytes = sizeof(RingHeader);
  header->segment_bytes = needed;
  header->ring_id = spec.ring_id;
  header->maker_stage = spec.maker_stage;
  header->maker_bell = spec.maker_bell;
  header->slots = spec.slots;
  header->guard = spec.guard;
  header->buffers = spec.buffers;
  header->window = spec.window;
  header->live = spec.live ? 1 : 0;
  header->participants = static_cast<std::uint32_t>(spec.participants.size());
  header->buffer_bytes = stride;
  header->maker_offset = kPageBytes;
  header->participant_offset = at.participant;
  header->descriptor_offset = at.descriptor;
  header->generation_offset = at.generation;
  header->undo_offset = at.undo;
  header->pool_offset = at.pool;
  header->format = spec.format;
  std::uint64_t undo = at.undo;
  for (std::size_t index = 0; index < spec.participants.size(); ++index) {
    header->participant[index] = spec.participants[index];
    header->participant[index].undo_offset = undo;
    undo += round_up(spec.participants[index].undo_bytes, kPageBytes);
  }
  // Last, so that whoever sees it sees all of the above.
  header->state.store(kReadyState, std::memory_order_release);
}

Segment Ring::create(const std::string& label, const RingSpec& spec) {
  Segment segment = Segment::create(label, bytes_needed(spec));
  const Mapping mapping(segment, Mapping::Access::ReadWrite);
  lay_out(mapping.bytes(), spec);
  return segment;
}

Ring::Ring(const Segment& segment, RingAccess access)
    : mapping_(std::in_place,
               segment,
               access.as == RingAccess::As::Observer ? Mapping::Access::ReadOnly
                                                     : Mapping::Access::ReadWrite) {
  attach(mapping_->bytes());
  if (access.as == RingAccess::As::Maker) {
    mapping_->protect(0, kPageBytes);
    mapping_->protect(participant_offset_, descriptor_offset_ - participant_offset_);
    mapping_->protect(undo_offset_, pool_offset_ - undo_offset_);
  } else if (access.as == RingAccess::As::Participant) {
    if (access.participant >= entries_.size()) {
      refuse("no participant " + std::to_string(access.participant));
    }
    const std::uint64_t own = participant_offset_ + access.participant * kPageBytes;
    mapping_->protect(0, own);
    if (entries_[access.participant].part == Part::Editor) {
      mapping_->protect(own + kPageBytes, descriptor_offset_ - own - kPageBytes);
      mapping_->protect(generation_offset_, undo_offset_ - generation_offset_);
    } else {
      mapping_->protect(own + kPageBytes, mapping_->bytes().size() - own - kPageBytes);
    }
  }
}

Ring::Ring(std::span<std::byte> memory) {
  attach(memory);
}

void Ring::attach(std::span<std::byte> memory) {
  AVRIG_SWEEP_WINDOW(Attach);
  if (memory.size() < 2 * kPageBytes) {
    refuse("it is smaller than its header");
  }
  if (reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(MakerPage) != 0) {
    refuse("its memory is not aligned to 128 bytes");
  }
  const auto* header = reinterpret_cast<const RingHeader*>(memory.data());
  if (header->state.load(std::memory_order_acquire) != kReadyState || header->magic != kRingMagic) {
    refuse("it is not a finished ring");
  }
  if (header->layout_version != kLayoutVersion || header->header_bytes != sizeof(RingHeader)) {
    refuse("layout " + std::to_string(header->layout_version) + ", this build speaks " +
           std::to_string(kLayoutVersion) + " (use one build of avrig for the whole rig)");
  }
  // Copy, then check the copies, then use the copies alone.
  RingSpec spec;
  spec.ring_id = header->ring_id;
  spec.maker_stage = header->maker_stage;
  spec.maker_bell = header->maker_bell;
  spec.slots = header->slots;
  spec.guard = header->guard;
  spec.buffers = header->buffers;
  spec.buffer_bytes = header->buffer_bytes;
  spec.window = header->window;
  spec.live = header->live != 0;
  std::memcpy(&spec.format, &header->format, sizeof spec.format);
  spec.format.pixel_format[sizeof spec.format.pixel_format - 1] = '\0';
  spec.format.codec[sizeof spec.format.codec - 1] = '\0';
  spec.format.column_names[sizeof spec.format.column_names - 1] = '\0';
  const std::uint32_t count = header->participants;
  if (count > kMaxParticipants || spec.guard > (1u << 20) || spec.slots > (1u << 20)) {
    refuse("its header is damaged");
  }
  spec.participants.assign(header->participant.begin(), header->participant.begin() + count);
  for (const ParticipantEntry& entry : spec.participants) {
    if (entry.undo_bytes > memory.size() || entry.editor_line >= kMaxEditors ||
        (entry.part != Part::Looker && entry.part != Part::Editor && entry.part != Part::Gate)) {
      refuse("a participant of it is damaged");
    }
  }
  try {
    if (bytes_needed(spec) > memory.size()) {
      refuse("it is larger than its memory");
    }
  } catch (const Error& error) {
    refuse(error.what());
  }
  const Extents at =
      extents(spec.slots, spec.buffers, buffer_stride(spec.buffer_bytes), spec.participants);
  std::uint64_t undo = at.undo;
  for (ParticipantEntry& entry : spec.participants) {
    entry.undo_offset = undo;
    undo += round_up(entry.undo_bytes, kPageBytes);
  }
  base_ = memory.data();
  maker_page_ = reinterpret_cast<MakerPage*>(base_ + kPageBytes);
  id_ = spec.ring_id;
  slots_ = spec.slots;
  guard_ = spec.guard;
  buffers_ = spec.buffers;
  window_ = spec.window;
  maker_bell_ = spec.maker_bell;
  maker_stage_ = spec.maker_stage;
  live_ = spec.live;
  buffer_bytes_ = buffer_stride(spec.buffer_bytes);
  participant_offset_ = at.participant;
  descriptor_offset_ = at.descriptor;
  generation_offset_ = at.generation;
  undo_offset_ = at.undo;
  pool_offset_ = at.pool;
  format_ = spec.format;
  entries_ = std::move(spec.participants);
}

ParticipantPage& Ring::participant_page(std::uint32_t index) const noexcept {
  return *reinterpret_cast<ParticipantPage*>(base_ + participant_offset_ + index * kPageBytes);
}

DescriptorSlot& Ring::slot(std::uint64_t sequence) const noexcept {
  return reinterpret_cast<DescriptorSlot*>(base_ + descriptor_offset_)[sequence % slots_];
}

std::atomic<std::uint64_t>& Ring::generation(std::uint32_t buffer) const noexcept {
  return reinterpret_cast<std::atomic<std::uint64_t>*>(base_ + generation_offset_)[buffer];
}

std::span<std::byte> Ring::buffer(std::uint32_t index) const noexcept {
  return {base_ + pool_offset_ + index * buffer_bytes_, buffer_bytes_};
}

std::span<std::byte> Ring::undo(std::uint32_t participant) const noexcept {
  const ParticipantEntry& entry = entries_[participant];
  return {base_ + entry.undo_offset, entry.undo_bytes};
}

bool Ring::published(std::uint64_t sequence) const noexcept {
  // seq_cst: the condition of a wait, pairs with the maker's store in publish().
  const std::uint64_t word = slot(sequence).word.load(std::memory_order_seq_cst);
  return word_kind(word) != Kind::None && word_sequence(word) == (sequence & kSequenceMask);
}

void Ring::read_body(std::uint64_t sequence, Descriptor& out) const noexcept {
  const DescriptorSlot& from = slot(sequence);
  // Word by word into place: a copy of the copy would wait for these stores.
  auto* to = reinterpret_cast<std::byte*>(&out);
  for (std::size_t word = 0; word < kDescriptorWords; ++word) {
    const std::uint64_t value = from.body[word].load(std::memory_order_relaxed);
    std::memcpy(to + word * sizeof value, &value, sizeof value);
  }
}

bool Ring::read(std::uint64_t sequence, Descriptor& out, std::uint64_t& word) const noexcept {
  const DescriptorSlot& from = slot(sequence);
  // acquire: the body was complete before its word.
  word = from.word.load(std::memory_order_acquire);
  if (word_kind(word) == Kind::None || word_sequence(word) != (sequence & kSequenceMask)) {
    return false;
  }
  read_body(sequence, out);
  // Pairs with the maker's fence behind the new sequence: a copy that saw one word of the next
  // body sees that body's sequence here.
  std::atomic_thread_fence(std::memory_order_acquire);
  return out.sequence == sequence && from.body[0].load(std::memory_order_relaxed) == sequence;
}

std::uint64_t Ring::verdict(std::uint64_t sequence, std::uint32_t line) const noexcept {
  const EditorLine& from = slot(sequence).editor[line];
  return from.tag.load(std::memory_order_acquire) == sequence + 1
             ? from.verdict.load(std::memory_order_relaxed)
             : 0;
}

std::uint64_t Ring::find_head() const noexcept {
  std::uint64_t head = 0;
  for (std::uint32_t index = 0; index < slots_; ++index) {
    const std::uint64_t word = slot(index).word.load(std::memory_order_acquire);
    if (word_kind(word) == Kind::None) {
      continue;
    }
    Descriptor body;
    read_body(index, body);
    // The body was complete before its word; a word of another sequence is being rewritten.
    if (word_sequence(word) == (body.sequence & kSequenceMask)) {
      head = std::max(head, body.sequence + 1);
    }
  }
  return head;
}

bool fits(const Descriptor& descriptor, std::uint64_t buffer_bytes) noexcept {
  if (descriptor.planes > AVRIG_MAX_PLANES) {
    return false;
  }
  for (std::uint32_t plane = 0; plane < descriptor.planes; ++plane) {
    const std::uint64_t offset = descriptor.plane_offset[plane];
    const std::uint64_t bytes = std::uint64_t{descriptor.stride[plane]} * descriptor.rows[plane];
    if (offset > buffer_bytes || bytes > buffer_bytes - offset) {
      return false;
    }
  }
  return true;
}

}  // namespace avrig::shm
