// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/timeline_log.hpp>
#include <avrig/mixer/engine.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace avrig::dipstream {

/// What an engine was at a sample, in place of all that a timeline log says up to there.
struct Standpoint {
  std::int64_t sample = 0;
  KeptLog::Place place;                          ///< the first record that is not in it
  std::map<std::uint32_t, std::uint64_t> taken;  ///< records taken, by queue
  std::vector<std::byte> engine;                 ///< Engine::save(); empty = one that is new
};

/// What a replay asks for on its way.
struct ReplayHelp {
  /// Comes before each batch: the samples that it names are to be lent.
  std::function<void(std::span<const mixer::Command>)> lend;
  /// Comes for each voice that was there at the standpoint: likewise.
  mixer::Engine::Lend lend_voice;
  /// Events wait to be read.
  std::function<void()> drain;
};

/// Everything in the log from a standpoint on happens to a new engine, unheard: the batches that
/// were applied at samples before `end`, and then what came of them up to sample `to`. Returns
/// where it has come; the image of the engine is left to the caller.
///
/// Both a successor and, in advance, its predecessor go through a log by this; so whoever begins
/// at a standpoint becomes what he would have become without it.
///
/// Thread: control; the log's writer may go on. Throws Error on a standpoint that makes no sense.
[[nodiscard]] Standpoint replay(mixer::Engine& engine,
                                const TimelineLog& log,
                                const Standpoint& from,
                                std::int64_t end,
                                std::int64_t to,
                                const ReplayHelp& help);

}  // namespace avrig::dipstream
