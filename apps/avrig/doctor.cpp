// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "command.hpp"
#include <avrig/launch/jack_server.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <iostream>
#include <sys/resource.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::app {
namespace {

using nlohmann::json;

/// One thing looked at.
struct Finding {
  std::string what;
  bool good;
  std::string seen;
  std::string fix;  ///< empty where it is good
};

std::string read_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

rlimit limit(__rlimit_resource which) {
  rlimit value{};
  ::getrlimit(which, &value);
  return value;
}

std::string limit_text(rlim_t value) {
  return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
}

bool in_group(const char* name) {
  const group* entry = ::getgrnam(name);
  if (entry == nullptr) {
    return false;
  }
  const gid_t wanted = entry->gr_gid;
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  (void)::getgroups(static_cast<int>(groups.size()), groups.data());
  return ::getgid() == wanted || std::find(groups.begin(), groups.end(), wanted) != groups.end();
}

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "" : path;
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    if (::access((folders.substr(begin, end - begin) + "/" + program).c_str(), X_OK) == 0) {
      return true;
    }
    begin = end + 1;
  }
  return false;
}

Finding look_at_realtime() {
  const bool root = ::geteuid() == 0;
  const rlim_t allowed = limit(RLIMIT_RTPRIO).rlim_cur;
  return {"real-time priority",
          root || allowed >= 70,
          root ? "root may" : "rtprio limit " + limit_text(allowed),
          "put '@audio - rtprio 95' into /etc/security/limits.d/audio.conf and log in again"};
}

Finding look_at_memlock() {
  const bool root = ::geteuid() == 0;
  const rlim_t allowed = limit(RLIMIT_MEMLOCK).rlim_cur;
  constexpr rlim_t kEnough = rlim_t{1} << 30;
  return {"locked memory",
          root || allowed == RLIM_INFINITY || allowed >= kEnough,
          root ? "root may" : "memlock limit " + limit_text(allowed) + " bytes",
          "put '@audio - memlock unlimited' into /etc/security/limits.d/audio.conf and log in "
          "again"};
}

Finding look_at_files() {
  const rlim_t allowed = limit(RLIMIT_NOFILE).rlim_cur;
  return {"open files", allowed >= 1024, "limit " + limit_text(allowed), "ulimit -n 4096"};
}

Finding look_at_group(const char* name, const char* why) {
  return {std::string("group ") + name,
          ::geteuid() == 0 || in_group(name),
          ::geteuid() == 0 ? "root needs none" : (in_group(name) ? "member" : "not a member"),
          std::string("sudo usermod -aG ") + name + " $USER, then log in again (" + why + ")"};
}

Finding look_at_governor() {
  const std::string governor = read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  return {"cpu governor",
          governor.empty() || governor == "performance",
          governor.empty() ? "none to set (a virtual machine?)" : governor,
          "sudo cpupower frequency-set -g performance"};
}

Finding look_at_jackd() {
  const bool there = on_path("jackd");
  return {"jackd", there, there ? "installed" : "not found on PATH", "sudo apt-get install jackd2"};
}

Finding look_at_jack_server() {
  const std::string name = launch::jack_name("");
  const bool answers = launch::jack_answers("");
  return {"JACK server '" + name + "'",
          true,
          answers ? "answers" : "none runs: avrig starts a private one (no sound is heard)",
          ""};
}

Finding look_at_shm() {
  std::error_code failed;
  const auto space = std::filesystem::space("/dev/shm", failed);
  constexpr std::uintmax_t kEnough = std::uintmax_t{256} << 20;
  return {"/dev/shm (for JACK)",
          !failed && space.available >= kEnough,
          failed ? failed.message() : std::to_string(space.available >> 20) + " MiB free",
          "mount -o remount,size=1G /dev/shm"};
}

}  // namespace

int doctor_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.options()("json", "as JSON");
  if (!line.parse(arguments)) {
    return 0;
  }
  const std::vector<Finding> findings{look_at_realtime(),
                                      look_at_memlock(),
                                      look_at_files(),
                                      look_at_group("audio", "sound devices and real-time limits"),
                                      look_at_group("video", "cameras"),
                                      look_at_governor(),
                                      look_at_jackd(),
                                      look_at_jack_server(),
                                      look_at_shm()};
  json list = json::array();
  for (const Finding& finding : findings) {
    if (line.has("json")) {
      list.push_back({{"what", finding.what},
                      {"good", finding.good},
                      {"seen", finding.seen},
                      {"fix", finding.good ? "" : finding.fix}});
    } else {
      std::cout << (finding.good ? "  good  " : "  POOR  ") << finding.what << ": " << finding.seen
                << "\n";
      if (!finding.good) {
        std::cout << "        fix: " << finding.fix << "\n";
      }
    }
  }
  if (line.has("json")) {
    std::cout << list.dump(2) << "\n";
  }
  return 0;
}

}  // namespace avrig::app
