// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/control_folder.hpp>
#include <avrig/error.hpp>

#include <cerrno>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace avrig {

std::string control_folder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::string folder = "/tmp/avrig-" + std::to_string(::getuid());
  if (runtime != nullptr && *runtime != '\0') {
    folder = std::string(runtime) + "/avrig";
  } else if (::getuid() == 0) {
    folder = "/run/avrig";
  }
  struct stat status {};
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw errno_error(ErrorCode::Open,
                      "cannot make the folder of control sockets '" + folder + "'");
  }
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != ::getuid()) {
    throw Error(ErrorCode::Open,
                "the folder of control sockets '" + folder +
                    "' belongs to somebody else; set XDG_RUNTIME_DIR");
  }
  return folder;
}

}  // namespace avrig
