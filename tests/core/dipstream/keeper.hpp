// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/kept_log.hpp>

#include <fcntl.h>

namespace avrig::dipstream::test {

/// A launcher's memory, without a launcher.
class Shelf final : public Keeper {
 public:
  bool keep(const std::string& name, int fd) noexcept override {
    if (hears(name)) {
      kept_[name] = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
      ++times_[name];
    }
    return true;
  }
  void forget(const std::string& name) noexcept override {
    if (hears(name)) {
      kept_.erase(name);
    }
  }
  std::map<std::string, UniqueFd>& kept() noexcept override { return kept_; }
  /// How often a name was given.
  int times(const std::string& name) { return times_[name]; }

  /// From the next time on that this name is given, only `words` are heard: who speaks is dead, but
  /// does not know it yet.
  void deafen(const std::string& name, int words) {
    deafen_at_ = name;
    words_ = words;
  }
  bool is_deaf() const { return deaf_; }
  void hear_again() {
    deafen_at_.clear();
    deaf_ = false;
  }

 private:
  bool hears(const std::string& name) {
    deaf_ = deaf_ || name == deafen_at_;
    return !deaf_ || words_-- > 0;
  }

  std::map<std::string, UniqueFd> kept_;
  std::map<std::string, int> times_;
  std::string deafen_at_;
  int words_ = 0;
  bool deaf_ = false;
};

}  // namespace avrig::dipstream::test
