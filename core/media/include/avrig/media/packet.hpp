// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/handles.hpp>

#include <cstdint>
#include <optional>
#include <span>

namespace avrig::media {

/// One compressed packet with its time base. Move-only; moving copies no bytes.
class Packet {
 public:
  Packet();

  [[nodiscard]] int stream() const noexcept;
  [[nodiscard]] std::optional<std::int64_t> pts() const noexcept;
  [[nodiscard]] std::optional<std::int64_t> dts() const noexcept;
  [[nodiscard]] std::optional<std::int64_t> pts_ns() const noexcept;
  [[nodiscard]] std::int64_t duration_ns() const noexcept;
  [[nodiscard]] AVRational time_base() const noexcept;
  [[nodiscard]] bool key() const noexcept;
  /// Cut off or damaged, as far as the container can tell.
  [[nodiscard]] bool corrupt() const noexcept;
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept;
  /// Where it began in the file, or -1.
  [[nodiscard]] std::int64_t position_bytes() const noexcept;

  /// A second reference to the same bytes.
  [[nodiscard]] Packet share() const;
  void reset() noexcept;
  [[nodiscard]] AVPacket* get() const noexcept { return packet_.get(); }

 private:
  PacketPtr packet_;
};

}  // namespace avrig::media
