// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/timeline_log.hpp>
#include <avrig/error.hpp>

#include <array>
#include <cstring>
#include <fcntl.h>

namespace avrig::dipstream {
namespace {

using mixer::Command;

constexpr std::uint64_t kChunkBytes = 1 << 20;
constexpr std::uint64_t kSpareBytes = 4096;  // for jumps
constexpr std::uint32_t kBatch = 1;
constexpr const char* kPlaceName = "mixer-place";

shm::Segment place_segment(Keeper& keeper) {
  const auto found = keeper.kept().find(kPlaceName);
  if (found != keeper.kept().end()) {
    return shm::Segment::adopt(UniqueFd(::fcntl(found->second.get(), F_DUPFD_CLOEXEC, 0)));
  }
  shm::Segment segment = shm::Segment::create("avrig-mixer-place", shm::kPageBytes);
  if (!keeper.keep(kPlaceName, segment.fd())) {
    throw Error(ErrorCode::Open, "nobody keeps the mixer's place on the timeline");
  }
  return segment;
}

}  // namespace

// All zero bytes are a valid TwoCopy.
TimelineLog::TimelineLog(Keeper& keeper)
    : log_(keeper, "mixer-log", kChunkBytes),
      place_(place_segment(keeper), shm::Mapping::Access::ReadWrite),
      progress_(reinterpret_cast<shm::TwoCopy<Progress>*>(place_.bytes().data())) {
  static_assert(sizeof(shm::TwoCopy<Progress>) <= shm::kPageBytes);
  log_.supply();
}

bool TimelineLog::append(const Batch& head,
                         std::span<const Command> commands,
                         std::uint64_t spare) noexcept {
  return log_.append(kBatch, std::as_bytes(std::span(&head, 1)), std::as_bytes(commands), spare);
}

bool TimelineLog::batch(std::int64_t sample,
                        std::uint32_t queue,
                        std::uint64_t taken,
                        std::span<const Command> commands) noexcept {
  return append(
      {sample, taken, queue, static_cast<std::uint32_t>(commands.size())}, commands, kSpareBytes);
}

bool TimelineLog::jump(std::int64_t sample, const Command& command) noexcept {
  return append({sample, 0, kNoQueue, 1}, {&command, 1}, 0);
}

TimelineLog::Progress TimelineLog::progress() const noexcept {
  Progress progress{};
  return progress_->load(progress) ? progress : Progress{};
}

KeptLog::Place TimelineLog::for_each(KeptLog::Place from, const Visit& visit) const {
  std::vector<Command> commands;
  return log_.for_each(from, [&](const shm::LogChunk::Record& record) {
    Batch head{};
    if (record.kind != kBatch || record.bytes.size() < sizeof head) {
      return true;
    }
    std::memcpy(&head, record.bytes.data(), sizeof head);
    const std::span<const std::byte> rest = record.bytes.subspan(sizeof head);
    if (head.commands == 0 || head.commands > mixer::kMaxBatch ||
        rest.size() < head.commands * sizeof(Command)) {
      return true;
    }
    commands.resize(head.commands);
    std::memcpy(static_cast<void*>(commands.data()), rest.data(), head.commands * sizeof(Command));
    return visit(head, commands);
  });
}

}  // namespace avrig::dipstream
