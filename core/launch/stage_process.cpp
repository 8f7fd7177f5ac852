// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/jack_server.hpp>
#include <avrig/launch/stage_process.hpp>

#include <array>
#include <poll.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

ChildProcess spawn(const std::string& program, int socket, int lifeline) {
  ChildOptions options;
  options.program = program;
  options.fds = {{socket, stage::Socket::kStageFd}};
  if (lifeline >= 0) {
    options.fds.emplace_back(lifeline, PrivateJack::kLifelineFd);
  }
  // A stage that finds no server must say so, not start one that outlives the run.
  options.environment = {{"JACK_NO_START_SERVER", "1"}};
  return ChildProcess::spawn(options);
}

bool readable(int fd) noexcept {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

StageProcess::StageProcess(EventLoop& loop,
                           const std::string& program,
                           int lifeline,
                           Callbacks callbacks)
    : loop_(&loop), callbacks_(std::move(callbacks)), child_([&] {
        auto [ours, theirs] = stage::Socket::pair();
        socket_.emplace(std::move(ours));
        return spawn(program, theirs.get(), lifeline);
      }()) {
  socket_watch_ = loop.watch(socket_->fd(), [this] { read_socket(); });
  output_watch_ = loop.watch(child_.output_fd(), [this] { read_output(); });
  end_watch_ = loop.watch(child_.pidfd(), [this] { read_end(); });
}

StageProcess::~StageProcess() {
  loop_->forget(socket_watch_);
  loop_->forget(output_watch_);
  loop_->forget(end_watch_);
}

bool StageProcess::send(const json& order, const std::vector<int>& fds) noexcept {
  try {
    return socket_ &&
           socket_->send(order.dump(-1, ' ', false, json::error_handler_t::replace), fds);
  } catch (const std::exception&) {
    return false;
  }
}

void StageProcess::cut() noexcept {
  loop_->forget(socket_watch_);
  socket_.reset();
}

void StageProcess::read_socket() {
  auto message = socket_->receive();
  if (!message) {
    loop_->forget(socket_watch_);
    return;
  }
  // A stage runs a user's code: what it says is input.
  const json parsed = json::parse(message->text, nullptr, false);
  if (parsed.is_object()) {
    callbacks_.message(parsed, message->fds);
  } else {
    callbacks_.output("(sent a message that is not JSON)");
  }
}

void StageProcess::read_output() {
  std::array<char, 8192> bytes{};
  const ssize_t count = ::read(child_.output_fd(), bytes.data(), bytes.size());
  if (count > 0) {
    lines_.feed(std::string_view(bytes.data(), static_cast<std::size_t>(count)), callbacks_.output);
  } else if (count == 0) {
    lines_.flush(callbacks_.output);
    loop_->forget(output_watch_);
  }
}

void StageProcess::read_end() {
  const auto status = child_.try_wait();
  if (!status) {
    return;
  }
  loop_->forget(end_watch_);
  // Bounded: a grandchild may hold the other end and keep writing.
  for (int round = 0; round < 4096 && socket_ && readable(socket_->fd()); ++round) {
    auto message = socket_->receive();
    if (!message) {
      break;
    }
    if (const json parsed = json::parse(message->text, nullptr, false); parsed.is_object()) {
      callbacks_.message(parsed, message->fds);
    }
  }
  for (int round = 0; round < 64 && readable(child_.output_fd()); ++round) {
    read_output();
  }
  lines_.flush(callbacks_.output);
  const auto ended = callbacks_.ended;  // it may destroy us
  ended(*status);
}

}  // namespace avrig::launch
