// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/run_folder.hpp>
#include <avrig/plugin.h>
#include <avrig/shm/layout.hpp>
#include <avrig/unique_fd.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 32> text{};
  (void)std::strftime(text.data(), text.size(), "%Y%m%d-%H%M%S", &local);
  return text.data();
}

/// The pipeline's name as a part of a path.
std::string tame(const std::string& name) {
  std::string result;
  for (const char byte : name.substr(0, 64)) {
    const bool good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                      (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.';
    result.push_back(good ? byte : '_');
  }
  return result.empty() ? "pipeline" : result;
}

std::string first_line_with(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) == 0) {
      const std::size_t colon = line.find(':');
      const std::size_t begin =
          colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
      return begin == std::string::npos ? line : line.substr(begin);
    }
  }
  return {};
}

json limit(int which) {
  rlimit value{};
  ::getrlimit(static_cast<__rlimit_resource>(which), &value);
  return value.rlim_cur == RLIM_INFINITY ? json("unlimited") : json(value.rlim_cur);
}

}  // namespace

std::string make_run_folder(const spec::PipelineSpec& spec) {
  namespace fs = std::filesystem;
  const fs::path root =
      fs::absolute(spec.run_dir.empty() ? fs::path("avrig-runs") : fs::path(spec.run_dir));
  std::error_code failed;
  fs::create_directories(root, failed);
  if (failed) {
    throw Error(ErrorCode::Open,
                "cannot make the folder for runs '" + root.string() + "': " + failed.message() +
                    " (set 'run_dir:')");
  }
  const std::string name = now_text() + "-" + tame(spec.name);
  for (int number = 1; number < 1000; ++number) {
    const fs::path folder = root / (number == 1 ? name : name + "." + std::to_string(number));
    if (::mkdir(folder.c_str(), 0700) == 0) {
      return folder.string();
    }
    if (errno != EEXIST) {
      throw errno_error(ErrorCode::Open, "cannot make the run's folder '" + folder.string() + "'");
    }
  }
  throw Error(
      ErrorCode::Open,
      "cannot make a run folder in '" + root.string() + "': a thousand of this second are there");
}

void write_new_file(const std::string& path, const std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) {
    throw errno_error(ErrorCode::Open, "cannot write '" + path + "'");
  }
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(file.get(), text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) {
      throw errno_error(ErrorCode::Open, "cannot write '" + path + "'");
    }
    written += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
}

json versions() {
  return {{"avrig", AVRIG_VERSION},
          {"plugin_abi", std::to_string(AVRIG_ABI_MAJOR) + "." + std::to_string(AVRIG_ABI_MINOR)},
          {"shm_layout", shm::kLayoutVersion}};
}

json host_facts() {
  utsname system{};
  ::uname(&system);
  return {{"host", system.nodename},
          {"kernel", std::string(system.sysname) + " " + system.release + " " + system.version},
          {"machine", system.machine},
          {"cpu", first_line_with("/proc/cpuinfo", "model name")},
          {"cores", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"memory", first_line_with("/proc/meminfo", "MemTotal")},
          {"memory_available", first_line_with("/proc/meminfo", "MemAvailable")},
          {"limits",
           {{"rtprio", limit(RLIMIT_RTPRIO)},
            {"memlock_bytes", limit(RLIMIT_MEMLOCK)},
            {"nofile", limit(RLIMIT_NOFILE)}}}};
}

}  // namespace avrig::launch
