// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/control_folder.hpp>
#include <avrig/error.hpp>
#include <avrig/launch/control_server.hpp>
#include <avrig/socket_message.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestLine = 64 * 1024;
constexpr std::size_t kMostClients = 64;
constexpr std::size_t kMostFds = 200;

bool same_user(int fd) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == ::getuid() || peer.uid == 0);
}

bool send_line(int to, const std::string& line, const std::vector<int>& fds) noexcept {
  const OutgoingMessage<kMostFds> message(line, fds);
  // A tool that does not read must not stop the rig: what does not fit at once is not sent.
  return ::sendmsg(to, &message.header(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(line.size());
}

}  // namespace

std::string control_folder() {
  return avrig::control_folder();
}

ControlServer::ControlServer(EventLoop& loop, const std::string& name, Handler handler)
    : loop_(&loop), handler_(std::move(handler)), path_(control_folder() + "/" + name + ".sock") {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    throw Error(ErrorCode::Open, "the path of the control socket is too long: " + path_);
  }
  std::memcpy(address.sun_path, path_.data(), path_.size());
  listening_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Whoever had this name carried our process id and is gone.
  (void)::unlink(path_.c_str());
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  (void)::umask(before);
  if (bound != 0 || ::listen(listening_.get(), 16) != 0) {
    throw errno_error(ErrorCode::Open, "cannot listen at '" + path_ + "'");
  }
  watch_ = loop.watch(listening_.get(), [this] { accept_one(); });
}

ControlServer::~ControlServer() {
  loop_->forget(watch_);
  for (const auto& [id, client] : clients_) {
    loop_->forget(client.watch);
  }
  (void)::unlink(path_.c_str());
}

void ControlServer::accept_one() {
  UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd || !same_user(fd.get()) || clients_.size() >= kMostClients) {
    return;
  }
  const std::uint64_t id = next_++;
  const EventLoop::Watch watch = loop_->watch(fd.get(), [this, id] { read_from(id); });
  clients_.emplace(id, Client{std::move(fd), watch, {}});
}

void ControlServer::drop(std::uint64_t id) {
  if (const auto found = clients_.find(id); found != clients_.end()) {
    loop_->forget(found->second.watch);
    clients_.erase(found);
  }
}

void ControlServer::read_from(std::uint64_t id) {
  std::array<char, 4096> bytes{};
  Client& client = clients_.at(id);
  const ssize_t count = ::read(client.fd.get(), bytes.data(), bytes.size());
  if (count <= 0) {
    if (count == 0 || errno != EAGAIN) {
      drop(id);
    }
    return;
  }
  client.pending.append(bytes.data(), static_cast<std::size_t>(count));
  if (client.pending.size() > kLongestLine) {
    drop(id);
    return;
  }
  for (;;) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) {
      return;
    }
    std::string& pending = found->second.pending;
    const std::size_t end = pending.find('\n');
    if (end == std::string::npos) {
      return;
    }
    const std::string line = pending.substr(0, end);
    pending.erase(0, end + 1);
    answer(id, line);
  }
}

void ControlServer::answer(std::uint64_t id, const std::string& line) {
  const Reply reply = [this, id](const json& what, const std::vector<int>& fds) {
    const auto found = clients_.find(id);
    const std::string text = what.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    if (found != clients_.end() && !send_line(found->second.fd.get(), text, fds)) {
      drop(id);
    }
  };
  try {
    handler_(json::parse(line), reply);
  } catch (const std::exception& error) {
    reply({{"ok", false}, {"error", error.what()}}, {});
  }
}

}  // namespace avrig::launch
