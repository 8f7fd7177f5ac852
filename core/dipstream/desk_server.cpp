// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "loopback.hpp"
#include <avrig/dipstream/desk_server.hpp>
#include <avrig/error.hpp>
#include <avrig/socket_message.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
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
constexpr std::size_t kMostBinary = std::size_t{1} << 28;
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
  const OutgoingMessage<1> message(text, {&fd, fd >= 0 ? std::size_t{1} : std::size_t{0}});
  const ssize_t sent = ::sendmsg(to, &message.header(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

}  // namespace

DeskServer::DeskServer(Desk& desk,
                       std::string path,
                       std::optional<std::uint16_t> tcp,
                       Sockets before)
    : desk_(&desk), path_(std::move(path)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (tcp) {
    // Of any port, the one that its clients know.
    tcp_port_ = before.tcp ? loopback_port(before.tcp.get()) : std::uint16_t{0};
    if (tcp_port_ != 0 && (*tcp == 0 || *tcp == tcp_port_)) {
      tcp_ = std::move(before.tcp);
    } else {
      tcp_port_ = *tcp;
      tcp_ = listen_on_loopback(tcp_port_);
    }
  }
  if (before.path && ::access(path_.c_str(), F_OK) == 0) {
    listening_ = std::move(before.path);
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
    accept_all(listening_.get(), false);
    if (tcp_) {
      accept_all(tcp_.get(), true);
    }
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
  if (tcp_) {
    watched.push_back({tcp_.get(), POLLIN, 0});
  }
  for (const auto& [fd, connection] : connections_) {
    const short writing = connection.out.empty() ? short{0} : short{POLLOUT};
    watched.push_back({fd, static_cast<short>(POLLIN | writing), 0});
  }
  (void)::poll(watched.data(), watched.size(), connections_.empty() ? kIdleMs : kLookMs);
}

void DeskServer::accept_all(int listening, bool tcp) {
  for (;;) {
    UniqueFd fd(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      return;
    }
    const bool ours = tcp ? own_loopback_peer(fd.get()) : same_user(fd.get());
    if (!ours || connections_.size() >= kMostClients) {
      continue;
    }
    const int number = fd.get();
    Connection& connection = connections_[number];
    connection.fd = std::move(fd);
    connection.tcp = tcp;
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
    take_fds(message, connection.fds, kMostFds);
    connection.pending.append(bytes.data(), static_cast<std::size_t>(count));
    hear_lines(connection);
    if (connection.pending.size() > kLongestLine) {
      refuse(connection,
             "a line may have at most 1000000 bytes; longer sounds come as memfd, path, or bytes "
             "behind the line");
    }
    if (connection.closing) {
      return;
    }
  }
}

void DeskServer::hear_lines(Connection& connection) {
  std::size_t begin = 0;
  while (!connection.closing) {
    if (connection.binary_left > 0) {
      take_binary(connection, begin);
      if (connection.binary_left > 0) {
        break;
      }
    }
    const std::size_t end = connection.pending.find('\n', begin);
    if (end == std::string::npos) {
      break;
    }
    std::string line = connection.pending.substr(begin, end - begin);
    begin = end + 1;
    if (!line.empty() && line != "\r") {
      hear_line(connection, std::move(line));
    }
  }
  connection.pending.erase(0, begin);
}

void DeskServer::hear_line(Connection& connection, std::string line) {
  std::size_t bytes = 0;
  const bool whole = Desk::bytes_behind(line, kMostBinary, bytes);
  if (!whole) {
    refuse(connection,
           "'bytes' must be a whole number from 1 to " + std::to_string(kMostBinary) +
               "; what comes behind this line cannot be understood");
    return;
  }
  if (connection.tcp && !connection.heard && !Desk::is_request(line)) {
    refuse(connection, "this is the mixer of a rig: the first line must be a request");
    return;
  }
  connection.heard = true;
  if (bytes == 0) {
    desk_->hear(connection.client, line, connection.fds);
    return;
  }
  connection.binary.reset(::memfd_create("avrig-dipstream-bytes", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!connection.binary) {
    refuse(connection, "no memory for these samples");
    return;
  }
  connection.binary_left = bytes;
  connection.waiting_line = std::move(line);
}

// Samples go straight into memory of the kind that other processes send.
void DeskServer::take_binary(Connection& connection, std::size_t& begin) {
  while (connection.binary_left > 0 && begin < connection.pending.size()) {
    const std::size_t most = std::min(connection.binary_left, connection.pending.size() - begin);
    const ssize_t count = ::write(connection.binary.get(), connection.pending.data() + begin, most);
    if (count <= 0) {
      refuse(connection, "no memory for these samples");
      return;
    }
    begin += static_cast<std::size_t>(count);
    connection.binary_left -= static_cast<std::size_t>(count);
  }
  if (connection.binary_left > 0) {
    return;
  }
  (void)::fcntl(connection.binary.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
  connection.fds.insert(connection.fds.begin(), std::move(connection.binary));
  const std::string line = std::move(connection.waiting_line);
  desk_->hear(connection.client, line, connection.fds);
}

void DeskServer::refuse(Connection& connection, const std::string& text) {
  put(connection, R"({"error":")" + text + R"(","id":null,"ok":false})", -1);
  connection.closing = true;
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
