// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/programs.hpp>

#include <array>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <string_view>
#include <unistd.h>

#ifndef AVRIG_INSTALL_BINDIR
#error "AVRIG_INSTALL_BINDIR is set by CMake"
#endif

namespace avrig::launch {
namespace {

using spec::Role;

struct Row {
  Role role;
  std::string_view target;
  std::string_view program;
};

/// Who plays what. Plug-ins (libraries, and every `process:`) run in the plug-in host.
constexpr std::string_view kPluginHost = "processor";
constexpr std::array kPrograms{
    Row{Role::Reader, "media", "media_reader"},
    Row{Role::Reader, "jack", "jack_reader"},
    Row{Role::Reader, "camera", "camera_reader"},
    Row{Role::Writer, "jack", "jack_writer"},
    Row{Role::Writer, "media", "media_writer"},
    Row{Role::Writer, "display", "display_writer"},
    Row{Role::Writer, "csv", "csv_writer"},
};

/// Of the library that this code is in, or else of the program.
std::filesystem::path own_folder() {
  static const int here = 0;
  Dl_info info{};
  if (::dladdr(&here, &info) == 0 || info.dli_fname == nullptr) {
    return {};
  }
  std::error_code failed;
  return std::filesystem::canonical(info.dli_fname, failed).parent_path();
}

bool holds_programs(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / kPluginHost, ignored) ||
         std::filesystem::exists(folder / kPrograms[0].program, ignored);
}

}  // namespace

std::string program_for(Role role, const std::string& target) {
  if (role == Role::Sync) {
    return "sync";
  }
  if (role == Role::Processor || spec::is_library_path(target)) {
    return std::string(kPluginHost);
  }
  for (const Row& row : kPrograms) {
    if (row.role == role && row.target == target) {
      return std::string(row.program);
    }
  }
  return {};
}

std::vector<std::string> known_targets(Role role) {
  std::vector<std::string> result;
  for (const Row& row : kPrograms) {
    if (row.role == role) {
      result.emplace_back(row.target);
    }
  }
  return result;
}

bool needs_jack(const spec::StageSpec& stage) noexcept {
  return stage.target == "jack" && (stage.role == Role::Reader || stage.role == Role::Writer);
}

std::string find_program_dir() {
  if (const char* asked = std::getenv("AVRIG_PROGRAM_DIR"); asked != nullptr && *asked != '\0') {
    return asked;
  }
  std::error_code failed;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::filesystem::path beside = self.parent_path();
  // An installed tree may have been moved: lib/[ARCH/]libavrig.so beside bin.
  const std::filesystem::path library = own_folder();
  for (const std::filesystem::path& folder : {beside,
                                              beside / ".." / "bin",
                                              library / ".." / "bin",
                                              library / ".." / ".." / "bin",
                                              std::filesystem::path(AVRIG_INSTALL_BINDIR)}) {
    if (holds_programs(folder)) {
      return folder.lexically_normal().string();
    }
  }
  throw Error(ErrorCode::Open,
              "cannot find the stage programs (media_reader, processor, ...): not beside '" +
                  self.string() +
                  "' and not in " AVRIG_INSTALL_BINDIR
                  "; set AVRIG_PROGRAM_DIR to the folder that holds them");
}

}  // namespace avrig::launch
