// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/unique_fd.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace avrig {

/// A message with descriptors for a unix socket: `::sendmsg(to, &message.header(), flags)`.
/// `kMost`: descriptors a message; the caller gives no more.
template <std::size_t kMost>
class OutgoingMessage {
 public:
  OutgoingMessage(std::string_view text, std::span<const int> fds) noexcept
      : bytes_{const_cast<char*>(text.data()), text.size()} {
    header_.msg_iov = &bytes_;
    header_.msg_iovlen = 1;
    if (fds.empty() || fds.size() > kMost) {
      return;
    }
    header_.msg_control = room_.data();
    header_.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* control = CMSG_FIRSTHDR(&header_);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(control), fds.data(), sizeof(int) * fds.size());
  }
  OutgoingMessage(const OutgoingMessage&) = delete;
  OutgoingMessage& operator=(const OutgoingMessage&) = delete;

  [[nodiscard]] const msghdr& header() const noexcept { return header_; }

 private:
  iovec bytes_;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMost)> room_{};
  msghdr header_{};
};

/// The descriptors that came with a message, added to `fds`; beyond `most` they are closed.
inline void take_fds(msghdr& message, std::vector<UniqueFd>& fds, std::size_t most = SIZE_MAX) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t index = 0; index < count; ++index) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + index * sizeof(int), sizeof fd);
      UniqueFd owned(fd);
      if (fds.size() < most) {
        fds.push_back(std::move(owned));
      }
    }
  }
}

}  // namespace avrig
