// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/mixer/event.hpp>

#include <array>

namespace avrig::mixer {

namespace {

constexpr std::array kKinds = {"none",
                               "accepted",
                               "refused",
                               "started",
                               "ended",
                               "paused",
                               "resumed",
                               "looped",
                               "gap",
                               "underrun",
                               "cancelled",
                               "dropped",
                               "no-op",
                               "applied",
                               "removed",
                               "may-clip",
                               "clipped",
                               "fault",
                               "epoch-opened"};
constexpr std::array kReasons = {"none",          "unknown voice", "voice exists", "unknown source",
                                 "bad output",    "bad channels",  "bad index",    "bad loop",
                                 "bad value",     "bad time",      "self",         "cycle",
                                 "playing",       "not playing",   "full",         "unknown",
                                 "bad batch",     "batch member",  "unknown bus",  "bus cycle",
                                 "no limiter",    "anchor gone",   "replaced",     "stopped",
                                 "voice removed", "request",       "unsupported"};
static_assert(kKinds.size() == static_cast<std::size_t>(EventKind::EpochOpened) + 1);
static_assert(kReasons.size() == static_cast<std::size_t>(Reason::Unsupported) + 1);

}  // namespace

const char* to_string(EventKind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < kKinds.size() ? kKinds[index] : "?";
}

const char* to_string(Reason reason) noexcept {
  const auto index = static_cast<std::size_t>(reason);
  return index < kReasons.size() ? kReasons[index] : "?";
}

}  // namespace avrig::mixer
