// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/unique_fd.hpp>

#include <cstdint>

namespace avrig::dipstream {

/// Listen on 127.0.0.1; `port` 0 = any, and becomes the one taken. Throws Error(Open).
[[nodiscard]] UniqueFd listen_on_loopback(std::uint16_t& port);

/// The port of a socket that listens on 127.0.0.1; 0: it does not.
[[nodiscard]] std::uint16_t loopback_port(int fd) noexcept;

/// Does the other end of this connection belong to our own user (or root)? The kernel's table of
/// connections knows: without it, a port on loopback is open to everybody on the machine.
[[nodiscard]] bool own_loopback_peer(int fd);

}  // namespace avrig::dipstream
