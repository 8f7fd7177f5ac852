// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/shm/run_block.hpp>

#include <algorithm>
#include <cstring>
#include <string>

namespace avrig::shm {
namespace {

constexpr std::uint64_t kRunMagic = 0x676e'6972'7661'0002;

constexpr std::uint32_t kRunReady = 0x52454144;
constexpr std::uint32_t kRunVersion = 3;

std::uint64_t bell_bytes(std::uint32_t bells) noexcept {
  return round_up(std::uint64_t{bells} * sizeof(Bell), kPageBytes);
}

}  // namespace

Segment RunBlock::create(std::uint32_t stages, std::uint32_t bells) {
  if (stages > kMaxStages || bells > kMaxBells) {
    throw Error(ErrorCode::Spec, "a run has at most " + std::to_string(kMaxStages) + " stages");
  }
  Segment segment = Segment::create(
      "avrig-run", kPageBytes + bell_bytes(bells) + std::uint64_t{stages} * kPageBytes);
  const Mapping mapping(segment, Mapping::Access::ReadWrite);
  auto* header = reinterpret_cast<RunHeader*>(mapping.bytes().data());
  header->magic = kRunMagic;
  header->layout_version = kRunVersion;
  header->stages = stages;
  header->bells = bells;
  header->state.store(kRunReady, std::memory_order_release);
  return segment;
}

RunBlock::RunBlock(const Segment& segment, Mapping::Access access) : mapping_(segment, access) {
  attach();
}

RunBlock::RunBlock(const Segment& segment, std::optional<std::uint32_t> writes)
    : mapping_(segment, Mapping::Access::ReadWrite) {
  attach();
  mapping_.protect(0, kPageBytes);
  const std::uint64_t end = mapping_.bytes().size();
  if (writes && *writes >= stages_) {
    throw Error(ErrorCode::Internal, "cannot attach to a run: no stage " + std::to_string(*writes));
  }
  if (!writes) {
    mapping_.protect(stage_offset_, end - stage_offset_);
    return;
  }
  const std::uint64_t own = stage_offset_ + std::uint64_t{*writes} * kPageBytes;
  mapping_.protect(stage_offset_, own - stage_offset_);
  mapping_.protect(own + kPageBytes, end - own - kPageBytes);
}

RunBlock RunBlock::observe(const Segment& segment) {
  return RunBlock(segment, Mapping::Access::ReadOnly);
}

void RunBlock::attach() {
  const auto bytes = mapping_.bytes();
  const auto* header = reinterpret_cast<const RunHeader*>(bytes.data());
  if (bytes.size() < kPageBytes || header->state.load(std::memory_order_acquire) != kRunReady ||
      header->magic != kRunMagic || header->layout_version != kRunVersion) {
    throw Error(ErrorCode::Open, "cannot attach to a run: its common block is of another build");
  }
  stages_ = header->stages;
  const std::uint32_t bells = header->bells;
  stage_offset_ = kPageBytes + bell_bytes(bells);
  if (stages_ > kMaxStages || bells > kMaxBells ||
      stage_offset_ + std::uint64_t{stages_} * kPageBytes > bytes.size()) {
    throw Error(ErrorCode::Open, "cannot attach to a run: its common block is damaged");
  }
  bells_ = {reinterpret_cast<Bell*>(bytes.data() + kPageBytes), bells};
}

StagePage& RunBlock::stage(std::uint32_t index) const noexcept {
  return *reinterpret_cast<StagePage*>(mapping_.bytes().data() + stage_offset_ +
                                       std::uint64_t{index} * kPageBytes);
}

void RunBlock::ring_all() const noexcept {
  for (Bell& bell : bells_) {
    wake(bell);
  }
}

std::atomic<std::int64_t>* named_counter(StagePage& page, std::string_view name) noexcept {
  const std::uint32_t count = std::min(page.counters.load(std::memory_order_acquire), kMaxCounters);
  for (std::uint32_t index = 0; index < count; ++index) {
    if (name == std::string_view(page.counter[index].name.data())) {
      return &page.counter[index].value;
    }
  }
  if (count == kMaxCounters || name.size() >= page.counter[0].name.size()) {
    return nullptr;
  }
  // All of it: a predecessor may have been killed in the middle of a longer name.
  std::array<char, sizeof(NamedCounter::name)> text{};
  std::memcpy(text.data(), name.data(), name.size());
  page.counter[count].name = text;
  page.counters.store(count + 1, std::memory_order_release);
  return &page.counter[count].value;
}

}  // namespace avrig::shm
