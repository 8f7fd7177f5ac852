// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/shm/sweep.hpp>
#include <avrig/shm/sync_block.hpp>

#include <atomic>
#include <cmath>
#include <string>

namespace avrig::shm {
namespace {

constexpr std::uint64_t kSyncMagic = 0x676e'6972'7661'0003;
constexpr std::uint32_t kSyncVersion = 2;
constexpr std::uint32_t kSyncReady = 0x52454144;

static_assert(sizeof(TwoCopy<SyncSection>) <= kPageBytes);

}  // namespace

Segment SyncBlock::create(std::uint32_t sections, std::uint32_t leader) {
  if (sections == 0 || sections > kMaxSections || leader >= sections) {
    throw Error(ErrorCode::Spec,
                "a sync group has at most " + std::to_string(kMaxSections) + " members");
  }
  Segment segment = Segment::create("avrig-sync", (std::uint64_t{sections} + 1) * kPageBytes);
  const Mapping mapping(segment, Mapping::Access::ReadWrite);
  auto* header = reinterpret_cast<SyncHeader*>(mapping.bytes().data());
  header->magic = kSyncMagic;
  header->layout_version = kSyncVersion;
  header->sections = sections;
  header->leader = leader;
  header->state.store(kSyncReady, std::memory_order_release);
  return segment;
}

SyncBlock::SyncBlock(const Segment& segment, std::optional<std::uint32_t> own)
    : mapping_(segment, own ? Mapping::Access::ReadWrite : Mapping::Access::ReadOnly),
      own_(own.value_or(0)) {
  const auto bytes = mapping_.bytes();
  const auto* header = reinterpret_cast<const SyncHeader*>(bytes.data());
  if (bytes.size() < 2 * kPageBytes ||
      header->state.load(std::memory_order_acquire) != kSyncReady || header->magic != kSyncMagic ||
      header->layout_version != kSyncVersion) {
    throw Error(ErrorCode::Open, "cannot attach to a sync group: its block is of another build");
  }
  sections_ = header->sections;
  leader_ = header->leader;
  if (sections_ == 0 || sections_ > kMaxSections || leader_ >= sections_ || own_ >= sections_ ||
      (std::uint64_t{sections_} + 1) * kPageBytes > bytes.size()) {
    throw Error(ErrorCode::Open, "cannot attach to a sync group: its block is damaged");
  }
  if (own) {
    const std::uint64_t at = (std::uint64_t{own_} + 1) * kPageBytes;
    mapping_.protect(0, at);
    mapping_.protect(at + kPageBytes, bytes.size() - at - kPageBytes);
  }
}

TwoCopy<SyncSection>& SyncBlock::place(std::uint32_t section) const noexcept {
  return *reinterpret_cast<TwoCopy<SyncSection>*>(mapping_.bytes().data() +
                                                  (std::uint64_t{section} + 1) * kPageBytes);
}

SyncSection SyncBlock::read(std::uint32_t section) const noexcept {
  SyncSection state{};
  // Its writer writes now and then, so that the first try succeeds. One that does nothing else must
  // not make the section look as if it had never been written; nor may it keep us for ever.
  constexpr int kRounds = 1000;
  bool done = section >= sections_;
  for (int round = 0; round < kRounds && !done; ++round) {
    done = place(section).load(state);
  }
  return state;
}

void SyncBlock::write(const SyncSection& state) noexcept {
  AVRIG_SWEEP_WINDOW(SyncStore);
  place(own_).store(state);
}

MediaMap SyncBlock::master() const noexcept {
  for (std::uint32_t section = 0; section < sections_; ++section) {
    const SyncSection state = read(section);
    if (state.role == SyncRole::AudioWriter && state.master.valid != 0) {
      return state.master;
    }
  }
  return {};
}

std::optional<std::int64_t> SyncBlock::due_ns(std::int64_t media_ns) const noexcept {
  const MediaMap map = master();
  if (map.valid != 0) {
    return to_mono_ns(map, media_ns);
  }
  const SyncSection leader = read(leader_);
  if (leader.started == 0) {
    return std::nullopt;
  }
  return leader.t0_ns + (media_ns - leader.media0_ns);
}

std::int64_t to_mono_ns(const MediaMap& map, std::int64_t media_ns) noexcept {
  // The map's numbers come from another process: a rate that makes no sense is taken as 1.
  const double rate = map.rate > 0.5 && map.rate < 2.0 ? map.rate : 1.0;
  return map.mono_ns + static_cast<std::int64_t>(
                           std::llround(static_cast<double>(media_ns - map.media_ns) / rate));
}

}  // namespace avrig::shm
