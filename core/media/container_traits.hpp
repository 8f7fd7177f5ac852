// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/muxer.hpp>

#include <string>
#include <string_view>

namespace avrig::media {

/// The options that make a container keep its times and survive a kill.
[[nodiscard]] Options container_defaults(const std::string& container);
/// mp4 and its kin: written in fragments.
[[nodiscard]] bool is_fragmented(std::string_view container) noexcept;
/// How often what was written is made whole in the file.
[[nodiscard]] std::int64_t default_flush_interval_ns(const std::string& container) noexcept;

}  // namespace avrig::media
