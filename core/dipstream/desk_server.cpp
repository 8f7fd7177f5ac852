// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/desk_server.hpp>
#include <avrig/error.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace avrig::dipstream {
namespace {

constexpr std::size_t kLongestLine = 1'000'000;
constexpr std::size_t kMostUnread = std::size_t{4} << 20;
constexpr std::size_t kMostClients = 64;
constexpr std::size_t kMostFds = 8;
constexpr std::size_t kBite = 65536;
// The engine's answers lie in memory until somebody looks: the callback makes no system call.
constexpr int kLookMs = 2;
constexpr int kIdleMs = 50;

bool same_user(int fd) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == ::getuid() || peer.uid == 0);
}

/// Bytes that went out; 0 where it would block, -1 where nobody is there any more.
ssize_t send_some(int to, std::string_view text, int fd) noexcept {
  iovec bytes{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    cmsghdr* control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(control), &fd, sizeof fd);
  }
  const ssize_t sent = ::sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

void take_fds(msghdr& message, std::vector<UniqueFd>& fds) {
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
      if (fds.size() < kMostFds) {
        fds.push_back(std::move(owned));
      }
    }
  }
}

}  // namespace

DeskServer::DeskServer(Desk& desk, std::string path, UniqueFd listening)
    : desk_(&desk), path_(std::move(path)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (listening && ::access(path_.c_str(), F_OK) == 0) {
    listening_ = std::move(listening);
  } else {
    listen();
  }
  thread_ = std::thread([this] { serve(); });
}

DeskServer::~DeskServer() {
  ending_.store(true);
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  thread_.join();
  (void)::unlink(path_.c_str());
}

void DeskServer::listen() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    throw Error(ErrorCode::Open, "the path of the mixer's socket is too long: " + path_);
  }
  std::memcpy(address.sun_path, path_.data(), path_.size());
  listening_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  (void)::unlink(path_.c_str());  // a predecessor's, who was killed
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  (void)::umask(before);
  if (bound != 0 || ::listen(listening_.get(), 16) != 0) {
    throw errno_error(ErrorCode::Open, "cannot listen at '" + path_ + "'");
  }
}

void DeskServer::serve() {
  while (!ending_.load()) {
    wait();
    const std::lock_guard<std::mutex> lock(mutex_);
    accept_all();
    for (auto& [fd, connection] : connections_) {
      read_from(connection);
    }
    desk_->turn();
    for (auto& [fd, connection] : connections_) {
      flush(connection);
    }
    bury();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto& [fd, connection] : connections_) {
    connection.gone = true;
  }
  bury();
}

void DeskServer::wait() {
  std::vector<pollfd> watched{{listening_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  for (const auto& [fd, connection] : connections_) {
    const short writing = connection.out.empty() ? short{0} : short{POLLOUT};
    watched.push_back({fd, static_cast<short>(POLLIN | writing), 0});
  }
  (void)::poll(watched.data(), watched.size(), connections_.empty() ? kIdleMs : kLookMs);
}

void DeskServer::accept_all() {
  for (;;) {
    UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      return;
    }
    if (!same_user(fd.get()) || connections_.size() >= kMostClients) {
      continue;
    }
    const int number = fd.get();
    Connection& connection = connections_[number];
    connection.fd = std::move(fd);
    connection.client = desk_->join([this, number](const std::string& line, int with) {
      const auto found = connections_.find(number);
      if (found != connections_.end()) {
        put(found->second, line, with);
      }
    });
  }
}

void DeskServer::read_from(Connection& connection) {
  if (connection.closing || connection.gone) {
    return;
  }
  std::array<char, kBite> bytes;
  for (int bites = 0; bites < 32; ++bites) {
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 32)> room;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    const ssize_t count = ::recvmsg(connection.fd.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count <= 0) {
      connection.gone = count == 0 || (errno != EAGAIN && errno != EINTR);
      return;
    }
    take_fds(message, connection.fds);
    connection.pending.append(bytes.data(), static_cast<std::size_t>(count));
    hear_lines(connection);
    if (connection.pending.size() > kLongestLine) {
      put(connection,
          R"({"error":"a line may have at most 1000000 bytes; longer sounds come as memfd or path",)"
          R"("id":null,"ok":false})",
          -1);
      connection.closing = true;
      return;
    }
  }
}

void DeskServer::hear_lines(Connection& connection) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = connection.pending.find('\n', begin);
    if (end == std::string::npos) {
      break;
    }
    const std::string line = connection.pending.substr(begin, end - begin);
    begin = end + 1;
    if (!line.empty() && line != "\r") {
      desk_->hear(connection.client, line, connection.fds);
    }
  }
  connection.pending.erase(0, begin);
}

void DeskServer::put(Connection& connection, const std::string& line, int fd) {
  if (connection.gone || connection.closing) {
    return;
  }
  if (connection.out_bytes + line.size() > kMostUnread) {
    connection.gone = true;  // it does not read
    return;
  }
  connection.out_bytes += line.size() + 1;
  connection.out.push_back({line + "\n", UniqueFd(fd >= 0 ? ::fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1)});
}

void DeskServer::flush(Connection& connection) {
  while (!connection.out.empty() && !connection.gone) {
    Waiting& first = connection.out.front();
    const ssize_t sent = send_some(connection.fd.get(), first.text, first.fd.get());
    if (sent < 0) {
      connection.gone = true;
    }
    if (sent <= 0) {
      return;
    }
    first.fd.reset();
    connection.out_bytes -= static_cast<std::size_t>(sent);
    first.text.erase(0, static_cast<std::size_t>(sent));
    if (first.text.empty()) {
      connection.out.pop_front();
    }
  }
  connection.gone = connection.gone || connection.closing;
}

void DeskServer::bury() {
  for (auto at = connections_.begin(); at != connections_.end();) {
    if (at->second.gone) {
      desk_->leave(at->second.client);
      at = connections_.erase(at);
    } else {
      ++at;
    }
  }
}

}  // namespace avrig::dipstream
