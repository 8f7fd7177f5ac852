// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "loopback.hpp"

#include <avrig/dipstream/desk_server.hpp>
#include <avrig/error.hpp>

#include <arpa/inet.h>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace avrig::dipstream {
namespace {

constexpr unsigned kEstablished = 1;  // as /proc/net/tcp counts states

}  // namespace

std::uint16_t parse_tcp(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string host = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
  if (host != "127.0.0.1" && host != "localhost") {
    throw Error(ErrorCode::Spec,
                "the mixer listens on loopback alone: PORT or 127.0.0.1:PORT, not '" + text +
                    "'; from another machine, use ssh -L");
  }
  const std::string digits = colon == std::string::npos ? text : text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc{} || end != digits.data() + digits.size()) {
    throw Error(ErrorCode::Spec,
                "a TCP port is a number from 0 (any) to 65535, not '" + digits + "'");
  }
  return port;
}

UniqueFd listen_on_loopback(std::uint16_t& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  // A successor takes the port of who was killed a moment ago.
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof address;
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(fd.get(), 16) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw errno_error(ErrorCode::Open, "cannot listen on 127.0.0.1:" + std::to_string(port));
  }
  port = ntohs(address.sin_port);
  return fd;
}

std::uint16_t loopback_port(int fd) noexcept {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  int listens = 0;
  socklen_t flag = sizeof listens;
  const bool is = ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
                  ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag) == 0 &&
                  address.sin_family == AF_INET &&
                  address.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && listens != 0;
  return is ? ntohs(address.sin_port) : std::uint16_t{0};
}

bool own_loopback_peer(int fd) {
  sockaddr_in ours{};
  sockaddr_in theirs{};
  socklen_t size = sizeof ours;
  socklen_t other = sizeof theirs;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&ours), &size) != 0 ||
      ::getpeername(fd, reinterpret_cast<sockaddr*>(&theirs), &other) != 0) {
    return false;
  }
  const int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::ifstream table("/proc/net/tcp");
  std::string line;
  while (std::getline(table, line)) {
    unsigned from = 0;
    unsigned from_port = 0;
    unsigned to = 0;
    unsigned to_port = 0;
    unsigned state = 0;
    unsigned uid = 0;
    if (std::sscanf(line.c_str(),
                    "%*u: %8X:%4X %8X:%4X %2X %*8X:%*8X %*2X:%*8X %*8X %u",
                    &from,
                    &from_port,
                    &to,
                    &to_port,
                    &state,
                    &uid) == 6 &&
        from == theirs.sin_addr.s_addr && from_port == ntohs(theirs.sin_port) &&
        to == ours.sin_addr.s_addr && to_port == ntohs(ours.sin_port)) {
      return state == kEstablished && (uid == ::getuid() || uid == 0);
    }
  }
  return false;
}

}  // namespace avrig::dipstream
