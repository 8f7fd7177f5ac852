// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mix_client.hpp"

#include "rig_client.hpp"
#include <avrig/control_folder.hpp>
#include <avrig/error.hpp>

#include <array>
#include <cstring>
#include <filesystem>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace avrig::app {
namespace {

using nlohmann::json;

/// "<run folder>.<launcher>.<stage>.mix": the stage.
std::string stage_of(const std::string& path) {
  const std::string name = std::filesystem::path(path).stem().string();
  return name.substr(name.rfind('.') + 1);
}

}  // namespace

std::vector<std::string> mixers_of(const json& status) {
  const std::string run =
      std::filesystem::path(status.value("run_dir", "")).filename().string().substr(0, 40);
  const std::string begin = run + "." + std::to_string(status.value("pid", 0)) + ".";
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(control_folder())) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".mix" && name.rfind(begin, 0) == 0) {
      found.push_back(entry.path().string());
    }
  }
  return found;
}

std::string find_mixer(const std::string& name) {
  if (name.find(".mix") != std::string::npos && std::filesystem::exists(name)) {
    return name;
  }
  const std::size_t slash = name.find('/');
  const Rig rig = find_rig(name.substr(0, slash));
  std::string all;
  std::vector<std::string> found;
  for (const std::string& path : mixers_of(rig.status)) {
    all += (all.empty() ? "" : ", ") + stage_of(path);
    if (slash == std::string::npos || stage_of(path) == name.substr(slash + 1)) {
      found.push_back(path);
    }
  }
  if (found.size() == 1) {
    return found.front();
  }
  throw Error(ErrorCode::Open,
              all.empty() ? "rig '" + rig.id + "' has no mixer: no live 'write: jack' stage"
                          : "which mixer of rig '" + rig.id + "'? RUN/STAGE, with one of: " + all);
}

MixClient::MixClient(const std::string& path)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw Error(ErrorCode::Open, "the path of the mixer's socket is too long: " + path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw errno_error(ErrorCode::Open, "no mixer listens at '" + path + "'");
  }
}

std::string MixClient::next_line() {
  for (;;) {
    const std::size_t end = pending_.find('\n');
    if (end != std::string::npos) {
      const std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    std::array<char, 65536> bytes{};
    const ssize_t count = ::read(fd_.get(), bytes.data(), bytes.size());
    if (count <= 0) {
      throw Error(ErrorCode::Open, "the mixer has ended");
    }
    pending_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

json MixClient::ask(const json& request) {
  const std::string line = request.dump() + "\n";
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t count = ::send(fd_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) {
      throw Error(ErrorCode::Open, "the mixer does not listen");
    }
    sent += static_cast<std::size_t>(count);
  }
  for (;;) {
    json answer = json::parse(next_line(), nullptr, false);
    if (answer.is_object() && answer.contains("ok")) {
      return answer;
    }
  }
}

}  // namespace avrig::app
