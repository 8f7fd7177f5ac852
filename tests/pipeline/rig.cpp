// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"

#include "../support/patience.hpp"
#include <avrig/monotonic.hpp>
#include <avrig/unique_fd.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace avrig::e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kMark = "AVRIG_TEST_RIG";

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream all;
  all << file.rdbuf();
  return all.str();
}

std::int64_t deadline(double patience_s) {
  return monotonic_ns() + static_cast<std::int64_t>(test::kSlower * patience_s * 1e9);
}

bool is_zombie(const std::string& folder) {
  const std::string stat = read_text(folder + "/stat");
  const auto after = stat.rfind(')');
  return after == std::string::npos || stat.compare(after, 3, ") Z") == 0;
}

json ask_socket(const std::string& path, const json& request) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{test::kPatienceNs / 1'000'000'000, 0};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return nullptr;
  }
  const std::string line = request.dump() + "\n";
  if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) {
    return nullptr;
  }
  std::string text;
  char bytes[4096];
  while (text.find('\n') == std::string::npos) {
    const ssize_t count = ::recv(fd.get(), bytes, sizeof bytes, 0);
    if (count <= 0) {
      return nullptr;
    }
    text.append(bytes, static_cast<std::size_t>(count));
  }
  json answer = json::parse(text, nullptr, false);
  return answer.is_object() ? answer : json();
}

json find_in(const json& list, const std::function<bool(const json&)>& wanted) {
  const auto found = std::find_if(list.begin(), list.end(), wanted);
  return found == list.end() ? json() : *found;
}

}  // namespace

bool wait_until(const std::function<bool()>& done, double patience_s) {
  const std::int64_t until_ns = deadline(patience_s);
  while (!done()) {
    if (monotonic_ns() > until_ns) {
      return false;
    }
    const timespec pause{0, 5'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

json Finished::stage(const std::string& id) const {
  const json found = find_in(report.at("stages"), [&](const json& s) { return s.at("id") == id; });
  REQUIRE_MESSAGE(!found.is_null(), "no stage ", id, " in the report");
  return found;
}

json Finished::edge(const std::string& from, const std::string& to) const {
  const json found = find_in(report.at("edges"), [&](const json& edge) {
    return edge.at("from").get<std::string>().starts_with(from) &&
           edge.at("to").get<std::string>().starts_with(to);
  });
  REQUIRE_MESSAGE(!found.is_null(), "no edge ", from, " -> ", to, " in the report");
  return found;
}

std::string Finished::run_dir() const {
  return report.at("run_dir");
}

std::string Finished::log() const {
  return read_text(run_dir() + "/run.log");
}

Rig::Rig(const std::string& folder) : folder_(folder), own_folder_(folder.empty()) {
  if (own_folder_) {
    std::string pattern = (fs::temp_directory_path() / "avrig-e2e-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
}

Rig::~Rig() {
  child_.reset();
  // What a test leaves running is a failure of avrig; it must not stay all the same.
  if (!wait_gone(4)) {
    for (const pid_t pid : processes()) {
      CHECK_MESSAGE(
          false, "left running: ", read_text("/proc/" + std::to_string(pid) + "/cmdline"));
      (void)::kill(pid, SIGKILL);
    }
    (void)wait_gone(2);
  }
  for (const auto& entry : fs::directory_iterator("/dev/shm")) {
    for (const pid_t pid : launchers_) {
      const std::string name = entry.path().filename().string();
      CHECK_MESSAGE(name.find("avrig-" + std::to_string(pid)) == std::string::npos, name);
    }
  }
  if (own_folder_ && std::getenv("AVRIG_TEST_KEEP") == nullptr) {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
}

std::string Rig::write(const std::string& name, const std::string& text) const {
  std::ofstream(file(name), std::ios::binary) << text;
  return file(name);
}

std::string Rig::read(const std::string& name) const {
  return read_text(file(name));
}

void Rig::spawn(const std::vector<std::string>& arguments) {
  const std::string out = file("said-" + std::to_string(++runs_) + ".txt");
  const UniqueFd said(
      ::open(out.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  REQUIRE(said.get() >= 0);
  launch::ChildOptions options;
  // The launcher goes when the test is killed by its time-out, and everything else with it.
  options.program = "/usr/bin/setpriv";
  options.arguments = {"--pdeathsig", "KILL", AVRIG_PROGRAM};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.fds = {{said.get(), 1}, {said.get(), 2}};
  options.environment = {{kMark, folder_},
                         {"XDG_RUNTIME_DIR", folder_},
                         {"JACK_DEFAULT_SERVER", "avrig-test-none"},
                         {"DISPLAY", ""},
                         {"WAYLAND_DISPLAY", ""}};
  options.capture_output = false;
  began_ns_ = monotonic_ns();
  child_ = launch::ChildProcess::spawn(options);
  launchers_.push_back(child_->pid());
}

Finished Rig::command(const std::vector<std::string>& arguments, double patience_s) {
  spawn(arguments);
  return finish(patience_s);
}

void Rig::start(const std::string& yaml, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {
      "run",
      write("pipeline.yaml", "run_dir: " + folder_ + "/runs\n" + yaml),
      "--report",
      file("report.json")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  std::error_code ignored;
  fs::remove(file("report.json"), ignored);
  spawn(arguments);
}

Finished Rig::run(const std::string& yaml,
                  const std::vector<std::string>& more,
                  double patience_s) {
  start(yaml, more);
  return finish(patience_s);
}

Finished Rig::finish(double patience_s) {
  Finished result;
  const auto status = child_->wait(deadline(patience_s));
  if (!status) {
    const std::string log = log_so_far();
    child_.reset();
    FAIL("it did not end in time; the log ends: ",
         log.substr(log.size() - std::min<std::size_t>(log.size(), 2000)));
  }
  result.seconds = static_cast<double>(monotonic_ns() - began_ns_) * 1e-9;
  result.code = status->by_signal ? 128 + status->value : status->value;
  result.said = read("said-" + std::to_string(runs_) + ".txt");
  if (fs::exists(file("report.json"))) {
    result.report = json::parse(read("report.json"), nullptr, false);
  }
  return result;
}

json Rig::ask(const json& request) const {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_ + "/avrig", none)) {
    if (entry.path().extension() == ".sock") {
      return ask_socket(entry.path().string(), request);
    }
  }
  return nullptr;
}

std::vector<StageNow> Rig::stages() const {
  std::vector<StageNow> result;
  const json status = ask({{"do", "status"}});
  if (status.is_object() && status.contains("stages")) {
    for (const json& stage : status.at("stages")) {
      result.push_back({stage.at("id"), stage.at("pid"), stage.at("phase")});
    }
  }
  return result;
}

StageNow Rig::stage(const std::string& id) const {
  for (const StageNow& stage : stages()) {
    if (stage.id == id) {
      return stage;
    }
  }
  FAIL("no stage ", id);
  return {};
}

void Rig::replace(const std::string& id, int signal, double patience_s) {
  const pid_t before = stage(id).pid;
  REQUIRE(::kill(before, signal) == 0);
  REQUIRE(wait_until(
      [&] {
        const StageNow now = stage(id);
        return now.pid != before && now.phase == "running";
      },
      patience_s));
}

void Rig::wait_running(double patience_s) {
  const auto running = [this] {
    const std::vector<StageNow> now = stages();
    return ended() || (!now.empty() && std::all_of(now.begin(), now.end(), [](const auto& stage) {
             return stage.phase == "running";
           }));
  };
  REQUIRE_MESSAGE((wait_until(running, patience_s) && !ended()),
                  read("said-" + std::to_string(runs_) + ".txt"));
}

std::string Rig::run_dir() const {
  std::string last;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_ + "/runs", none)) {
    last = std::max(last, entry.path().string());
  }
  return last;
}

std::string Rig::log_so_far() const {
  return read_text(run_dir() + "/run.log");
}

void Rig::wait_size(const std::string& name, std::uint64_t bytes, double patience_s) {
  const auto large = [&] {
    std::error_code none;
    const auto size = fs::file_size(file(name), none);
    return !none && size >= bytes;
  };
  REQUIRE_MESSAGE(wait_until([&] { return ended() || large(); }, patience_s), name);
  REQUIRE_MESSAGE(large(), read("said-" + std::to_string(runs_) + ".txt"));
}

std::vector<pid_t> Rig::processes() const {
  const std::string wanted = std::string(kMark) + "=" + folder_;
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    const std::string environment = '\0' + read_text(entry.path().string() + "/environ");
    if (environment.find('\0' + wanted + '\0') != std::string::npos &&
        !is_zombie(entry.path().string())) {
      found.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return found;
}

std::optional<double> Rig::wait_gone(double patience_s) {
  const std::int64_t began_ns = monotonic_ns();
  if (!wait_until([this] { return processes().empty(); }, patience_s)) {
    return std::nullopt;
  }
  return static_cast<double>(monotonic_ns() - began_ns) * 1e-9;
}

void check_accounts(const Finished& finished, bool cut_short) {
  for (const json& edge : finished.report.at("edges")) {
    INFO(edge.dump());
    CHECK((cut_short || edge.at("in_flight") == 0));
    CHECK(edge.at("produced").get<long>() ==
          edge.at("delivered").get<long>() + edge.at("dropped").get<long>() +
              edge.at("quarantined").get<long>() + edge.at("in_flight").get<long>());
  }
}

void check_no_crash(const Finished& finished) {
  for (const json& stage : finished.report.at("stages")) {
    INFO(stage.dump());
    CHECK(stage.at("crashes") == 0);
  }
}

}  // namespace avrig::e2e
