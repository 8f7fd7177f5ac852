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
    kept_[name] = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    return true;
  }
  void forget(const std::string& name) noexcept override { kept_.erase(name); }
  std::map<std::string, UniqueFd>& kept() noexcept override { return kept_; }

 private:
  std::map<std::string, UniqueFd> kept_;
};

}  // namespace avrig::dipstream::test
