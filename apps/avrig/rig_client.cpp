// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig_client.hpp"

#include <avrig/error.hpp>
#include <avrig/launch/control_server.hpp>
#include <avrig/socket_message.hpp>

#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace avrig::app {
namespace {

using nlohmann::json;

constexpr std::size_t kLongest = 16 << 20;

std::optional<UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return std::nullopt;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{8, 0};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::nullopt;
  }
  return fd;
}

Answer read_answer(int fd) {
  Answer answer;
  std::string text;
  while (text.find('\n') == std::string::npos && text.size() < kLongest) {
    std::array<char, 65536> bytes{};
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 253)> room{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    const ssize_t count = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (count <= 0) {
      throw Error(ErrorCode::Open, "the rig does not answer");
    }
    take_fds(message, answer.fds);
    text.append(bytes.data(), static_cast<std::size_t>(count));
  }
  answer.json = json::parse(text, nullptr, false);
  return answer;
}

Answer exchange(int fd, const json& request) {
  const std::string line = request.dump() + "\n";
  if (::send(fd, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    throw Error(ErrorCode::Open, "the rig does not listen");
  }
  return read_answer(fd);
}

}  // namespace

std::vector<Rig> list_rigs() {
  std::vector<Rig> rigs;
  for (const auto& entry : std::filesystem::directory_iterator(launch::control_folder())) {
    if (entry.path().extension() != ".sock") {
      continue;
    }
    Rig rig{entry.path().stem().string(), entry.path().string(), {}};
    const auto fd = connect_to(rig.path);
    if (!fd) {
      std::error_code ignored;  // its launcher was killed before it could
      std::filesystem::remove(entry.path(), ignored);
      continue;
    }
    try {
      rig.status = exchange(fd->get(), {{"do", "status"}}).json;
    } catch (const Error&) {
      continue;  // it ended while we asked
    }
    if (rig.status.is_object() && rig.status.value("ok", false)) {
      rigs.push_back(std::move(rig));
    }
  }
  return rigs;
}

Rig find_rig(const std::string& name) {
  std::vector<Rig> found;
  std::string all;
  for (Rig& rig : list_rigs()) {
    all += (all.empty() ? "" : ", ") + rig.id;
    if (name.empty() || rig.id == name || rig.status.value("pipeline", "") == name ||
        std::to_string(rig.status.value("pid", 0)) == name) {
      found.push_back(std::move(rig));
    }
  }
  if (found.size() == 1) {
    return std::move(found.front());
  }
  if (found.size() > 1) {
    throw Error(ErrorCode::Open, "several rigs run: " + all + "; say which");
  }
  throw Error(
      ErrorCode::Open,
      all.empty() ? std::string("no rig runs") : "no rig '" + name + "' runs; there is: " + all);
}

Answer ask_rig(const Rig& rig, const json& request) {
  const auto fd = connect_to(rig.path);
  if (!fd) {
    throw Error(ErrorCode::Open, "rig '" + rig.id + "' has ended");
  }
  Answer answer = exchange(fd->get(), request);
  if (!answer.json.is_object() || !answer.json.value("ok", false)) {
    throw Error(ErrorCode::Spec,
                "rig '" + rig.id + "' refuses: " +
                    (answer.json.is_object() ? answer.json.value("error", "?")
                                             : std::string("(no answer)")));
  }
  return answer;
}

}  // namespace avrig::app
