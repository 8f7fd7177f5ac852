// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/socket_message.hpp>
#include <avrig/stage/wire.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace avrig::stage {
namespace {

constexpr std::size_t kMaxFds = 200;  // the kernel takes 253 a message

}  // namespace

std::pair<Socket, UniqueFd> Socket::pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw errno_error(ErrorCode::Open, "cannot make a socket for a stage");
  }
  const int room = 4 << 20;
  const timeval second{1, 0};
  for (const int end : ends) {
    (void)::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    (void)::setsockopt(end, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
  }
  return {Socket(UniqueFd(ends[0])), UniqueFd(ends[1])};
}

bool Socket::send(const std::string& text, const std::vector<int>& fds) noexcept {
  if (text.size() > kMaxBytes || fds.size() > kMaxFds) {
    return false;
  }
  const OutgoingMessage<kMaxFds> message(text, fds);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(fd_.get(), &message.header(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(text.size());
}

std::optional<Message> Socket::receive() {
  Message result;
  result.text.resize(kMaxBytes);
  iovec bytes{result.text.data(), result.text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> room{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    return std::nullopt;
  }
  result.text.resize(static_cast<std::size_t>(got));
  take_fds(message, result.fds);
  return result;
}

bool Socket::wait(std::int64_t deadline_ns) noexcept {
  for (;;) {
    const std::int64_t left_ns = std::max<std::int64_t>(deadline_ns - monotonic_ns(), 0);
    pollfd entry{fd_.get(), POLLIN, 0};
    const timespec timeout = to_timespec(std::min<std::int64_t>(left_ns, 3'600'000'000'000));
    const int ready = ::ppoll(&entry, 1, &timeout, nullptr);
    if (ready > 0) {
      return true;
    }
    if (ready == 0 || errno != EINTR) {
      return false;
    }
  }
}

}  // namespace avrig::stage
