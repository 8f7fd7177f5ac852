// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/jack_keeper.hpp>
#include <avrig/monotonic.hpp>

#include <array>
#include <string_view>
#include <unistd.h>

namespace avrig::launch {

JackKeeper::JackKeeper(std::unique_ptr<PrivateJack> server, EventLoop& loop, RunLog& log)
    : server_(std::move(server)), loop_(&loop), log_(&log) {
  listen();
}

JackKeeper::~JackKeeper() {
  loop_->forget(watch_);
}

void JackKeeper::listen() {
  watch_ = loop_->watch(server_->output_fd(), [this] { read(); });
}

void JackKeeper::read() {
  std::array<char, 4096> bytes{};
  const ssize_t count = ::read(server_->output_fd(), bytes.data(), bytes.size());
  const auto line = [this](std::string_view text) {
    log_->line("jackd", stage::Level::Debug, text);
  };
  if (count > 0) {
    lines_.feed(std::string_view(bytes.data(), static_cast<std::size_t>(count)), line);
  } else if (count == 0) {
    lines_.flush(line);
    loop_->forget(std::exchange(watch_, 0));
    ended();
  }
}

void JackKeeper::ended() {
  const std::int64_t now_ns = monotonic_ns();
  const std::string what =
      "the private JACK server '" + server_->name() + "' " + server_->how_ended();
  if (const auto pause_ns = budget_.crashed(now_ns)) {
    restart_at_ns_ = now_ns + *pause_ns;
    log_->warn(what + "; it is started again, and its clients go on along the timeline");
    return;
  }
  given_up_ = what + "; that was beyond its restarts (" +
              std::to_string(spec::RestartPolicy{}.max) + " within " +
              std::to_string(spec::RestartPolicy{}.window_ns / 1'000'000'000) + " s)";
}

void JackKeeper::stands_still() noexcept {
  if (watch_ != 0) {  // else it is known
    server_->end_still();
  }
}

std::string JackKeeper::tend(std::int64_t now_ns) {
  if (restart_at_ns_ == 0 || now_ns < restart_at_ns_) {
    return given_up_;
  }
  restart_at_ns_ = 0;
  try {
    server_->restart();
    listen();
  } catch (const Error& error) {
    given_up_ = error.what();
  }
  return given_up_;
}

}  // namespace avrig::launch
