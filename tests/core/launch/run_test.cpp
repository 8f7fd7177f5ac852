// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/launcher.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/spec/parse.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <signal.h>
#include <sstream>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace avrig;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

/// A folder for one test's runs, gone with it.
class Bench {
 public:
  Bench() {
    std::string pattern = (fs::temp_directory_path() / "avrig-run-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    ::setenv("XDG_RUNTIME_DIR", folder_.c_str(), 1);
  }
  ~Bench() { fs::remove_all(folder_); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_; }

  [[nodiscard]] std::unique_ptr<launch::Launcher> launcher(const std::string& yaml) const {
    spec::ParseResult parsed = spec::parse_text(yaml, "test.yaml", folder_);
    INFO(parsed.rendered());
    REQUIRE(parsed.ok());
    parsed.spec.run_dir = folder_;
    launch::LaunchOptions options;
    options.program_dir = FAKES;
    options.handle_signals = false;
    options.echo = std::getenv("AVRIG_TEST_LOG") ? stage::Level::Debug : stage::Level::Error;
    return std::make_unique<launch::Launcher>(std::move(parsed.spec), options);
  }

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(folder_ + "/" + name);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }

 private:
  std::string folder_;
};

std::string lines(int count, int without = -1) {
  std::string text;
  for (int number = 0; number < count; ++number) {
    text += number == without ? "" : std::to_string(number) + "\n";
  }
  return text;
}

std::string log_of(const launch::RunResult& result) {
  std::ifstream file(result.run_dir + "/run.log");
  std::stringstream all;
  all << file.rdbuf();
  return all.str();
}

json stage_of(const launch::RunResult& result, const std::string& id) {
  for (const json& stage : result.report->at("stages")) {
    if (stage.at("id") == id) {
      return stage;
    }
  }
  return {};
}

/// Every edge's account adds up, and nothing is left under way.
void check_accounts(const launch::RunResult& result) {
  for (const json& edge : result.report->at("edges")) {
    INFO(edge.dump());
    CHECK(edge.at("in_flight") == 0);
    CHECK(edge.at("produced").get<long>() == edge.at("delivered").get<long>() +
                                                 edge.at("dropped").get<long>() +
                                                 edge.at("quarantined").get<long>());
  }
}

/// Ask a running launcher from another thread.
json ask(launch::Launcher& launcher, json request) {
  std::promise<json> answer;
  launcher.request(std::move(request),
                   [&](const json& what, const auto&) { answer.set_value(what); });
  return answer.get_future().get();
}

/// A pipeline of three; `with` goes to the processor.
std::string three(const std::string& processor,
                  const std::string& reader = "frames: 100",
                  const std::string& more = "") {
  return "avrig: 1\npipeline: three\noffline: true\nstages:\n"
         "  - {id: source, read: media, with: {" +
         reader +
         "}}\n"
         "  - {id: work, process: fake, in: source, with: {" +
         processor + "}" + more +
         "}\n"
         "  - {id: sink, write: media, in: work, with: {file: out.txt}}\n";
}

json status_of(launch::Launcher& launcher, std::size_t stage) {
  return ask(launcher, {{"do", "status"}}).at("stages").at(stage);
}

/// Kill the process of a stage from outside, and stay until its successor runs.
void kill_and_wait_back(launch::Launcher& launcher, std::size_t stage) {
  const auto before = status_of(launcher, stage).at("pid").get<pid_t>();
  REQUIRE(::kill(before, SIGKILL) == 0);
  const std::int64_t deadline_ns = monotonic_ns() + 10'000'000'000;
  for (;;) {
    const json now = status_of(launcher, stage);
    if (now.at("pid") != before && now.at("phase") == "running") {
      return;
    }
    REQUIRE(monotonic_ns() < deadline_ns);
  }
}

/// Runs a launcher beside the test, and tells when frames flow.
struct Background {
  explicit Background(launch::Launcher& launcher) {
    launcher.on_started([this] { started.set_value(); });
    result = std::async(std::launch::async, [&launcher] { return launcher.run(); });
    started.get_future().wait();
  }
  std::promise<void> started;
  std::future<launch::RunResult> result;
};

}  // namespace

TEST_SUITE("launch/run") {
  TEST_CASE("run: every frame arrives once, in order, and all ends by itself") {
    const Bench bench;
    const auto result = bench.launcher(three("talk: true"))->run();
    CHECK(result.code == ErrorCode::Ok);
    CHECK(bench.read("out.txt") == lines(100));
    check_accounts(result);
    CHECK(stage_of(result, "work").at("frames_in") == 100);
    CHECK(stage_of(result, "work").at("frames_out") == 100);
    CHECK(stage_of(result, "sink").at("restarts") == 0);
    CHECK(log_of(result).find("work info hello from work") != std::string::npos);
    CHECK(fs::exists(result.run_dir + "/pipeline.yaml"));
    CHECK(fs::exists(result.run_dir + "/host.json"));
    CHECK(fs::exists(result.run_dir + "/report.json"));
    CHECK(fs::is_empty(bench.folder() + "/avrig"));  // no socket is left
  }

  TEST_CASE("run: a stage killed from outside comes back, loses nothing, and is not blamed") {
    const Bench bench;
    const auto launcher = bench.launcher(three("factor: 1", "frames: 1000, period: 2ms"));
    Background run(*launcher);
    for (const std::size_t index : {1U, 0U, 2U, 1U}) {
      kill_and_wait_back(*launcher, index);
    }
    const auto result = run.result.get();
    CHECK(result.code == ErrorCode::Ok);
    check_accounts(result);
    CHECK(stage_of(result, "work").at("restarts") == 2);
    CHECK(stage_of(result, "sink").at("restarts") == 1);
    CHECK(stage_of(result, "work").at("crashes") == 0);
    // The writer's last line may be there twice: its file, unlike a ring, is no commit record.
    std::istringstream written(bench.read("out.txt"));
    int last = -1;
    for (int number = 0; written >> number;) {
      CHECK((number == last + 1 || number == last));
      last = number;
    }
    CHECK(last == 999);
  }

  TEST_CASE("run: a crash is counted and the frame is done by the successor") {
    const Bench bench;
    const auto result = bench.launcher(three("crash-once: 40"))->run();
    CHECK(result.code == ErrorCode::Ok);
    CHECK(bench.read("out.txt") == lines(100));
    CHECK(stage_of(result, "work").at("crashes") == 1);
    CHECK(stage_of(result, "work").at("restarts") == 1);
    check_accounts(result);
  }

  TEST_CASE("run: a frame that crashes its stage twice is set aside and saved") {
    const Bench bench;
    const auto result = bench.launcher(three("crash-at: 40"))->run();
    CHECK(result.code == ErrorCode::Ok);
    CHECK(bench.read("out.txt") == lines(100, 40));
    CHECK(stage_of(result, "work").at("crashes") == 2);
    CHECK(stage_of(result, "work").at("quarantined") == 1);
    check_accounts(result);
    CHECK(fs::exists(result.run_dir + "/quarantine/work-40.raw"));
    const json facts = json::parse(std::ifstream(result.run_dir + "/quarantine/work-40.json"));
    CHECK(facts.at("sequence") == 40);
    CHECK(facts.at("from") == "source/out");
  }

  TEST_CASE("run: a stage that crashes on every frame ends the run with 5") {
    const Bench bench;
    const auto result =
        bench.launcher(three("crash-every: 1", "frames: 100", ", restart: {max: 3, backoff: 1ms}"))
            ->run();
    CHECK(result.code == ErrorCode::StageDied);
    CHECK(result.text.find("stage 'work'") != std::string::npos);
    CHECK(result.text.find("SIGSEGV") != std::string::npos);
    CHECK(stage_of(result, "work").at("crashes") == 4);
    CHECK(result.report->at("exit_code") == 5);
  }

  TEST_CASE("run: an exit without an end counts as a crash") {
    const Bench bench;
    const auto result =
        bench.launcher(three("exit-at: 3", "frames: 100", ", restart: {max: 1, backoff: 1ms}"))
            ->run();
    CHECK(result.code == ErrorCode::StageDied);
    CHECK(result.text.find("exited with 7") != std::string::npos);
  }

  TEST_CASE("run: a stage that says why it cannot go on ends the run with that reason") {
    const Bench bench;
    const auto result = bench.launcher(three("fail-at: 10"))->run();
    CHECK(result.code == ErrorCode::Open);
    CHECK(result.text == "stage 'work': cannot write 'take.mkv': No space left on device");
    CHECK(stage_of(result, "work").at("restarts") == 0);
  }

  TEST_CASE("run: a stage that hangs is found, named and killed; its frame is set aside") {
    const Bench bench;
    const auto result =
        bench.launcher(three("hang-at: 20", "frames: 50", ", hang_timeout: 300ms"))->run();
    CHECK(result.code == ErrorCode::Ok);
    CHECK(bench.read("out.txt") == lines(50, 20));
    CHECK(stage_of(result, "work").at("crashes") == 2);
    CHECK(stage_of(result, "source").at("crashes") == 0);
    CHECK(stage_of(result, "sink").at("crashes") == 0);
    CHECK(log_of(result).find("stage 'work' hangs") != std::string::npos);
    check_accounts(result);
  }

  TEST_CASE("run: what a stage cannot open is said with its place in the file, all at once") {
    const Bench bench;
    const auto launcher = bench.launcher(three("refuse: no such thing", "die-early: true"));
    try {
      (void)launcher->run();
      FAIL("it ran");
    } catch (const launch::SetupError& error) {
      CHECK(error.code() == ErrorCode::Open);
      const std::string text = error.what();
      CHECK(text.find("test.yaml:6:") != std::string::npos);
      CHECK(text.find("stage 'work': no such thing") != std::string::npos);
      CHECK(text.find("stage 'source' (media_reader) was killed by signal 11") !=
            std::string::npos);
    }
  }

  TEST_CASE("run: a wrong parameter is found before anything is opened") {
    const Bench bench;
    const auto launcher = bench.launcher(three("factr: 2", "period: 20kHz"));
    const launch::Checked checked = launcher->check();
    CHECK(checked.found.code == ErrorCode::Spec);
    CHECK(checked.found.problems.size() == 2);
    CHECK_FALSE(checked.plan);
  }

  TEST_CASE("run: check() asks the same stages and leaves nothing") {
    const Bench bench;
    const auto launcher = bench.launcher(three("factor: 2"));
    const launch::Checked checked = launcher->check();
    CHECK(checked.found.ok());
    CHECK(checked.plan);
    CHECK(fs::is_empty(bench.folder()));
  }

  TEST_CASE("run: a parameter changes between frames and is kept for a restart") {
    const Bench bench;
    const auto launcher = bench.launcher(three("factor: 1", "frames: 0, period: 2ms"));
    Background run(*launcher);
    const json change = {
        {"do", "set"}, {"stage", "work"}, {"param", "factor"}, {"value", 2}, {"text", "2"}};
    const json answer = ask(*launcher, change);
    CHECK(answer.at("ok") == true);
    json refused = change;
    refused["value"] = 7;
    CHECK(ask(*launcher, refused).value("error", "") == "seven is taken");
    refused["value"] = 11;
    CHECK(ask(*launcher, refused).at("ok") == false);
    refused["param"] = "frames";
    CHECK(ask(*launcher, refused).value("error", "").find("cannot change while running") !=
          std::string::npos);
    kill_and_wait_back(*launcher, 1);
    const std::size_t before = bench.read("out.txt").size();
    const std::int64_t deadline_ns = monotonic_ns() + 10'000'000'000;
    while (bench.read("out.txt").size() == before) {  // until frames of the successor are there
      REQUIRE(monotonic_ns() < deadline_ns);
    }
    CHECK(ask(*launcher, {{"do", "mark"}, {"text", "blink"}}).at("ok") == true);
    CHECK(ask(*launcher, {{"do", "stop"}}).at("ok") == true);
    const auto result = run.result.get();
    CHECK(result.code == ErrorCode::Ok);
    check_accounts(result);
    CHECK(log_of(result).find("'work.factor' = 2 from frame") != std::string::npos);
    CHECK(log_of(result).find("avrig info mark: blink") != std::string::npos);
    // The last lines were made by the successor: doubled.
    std::istringstream written(bench.read("out.txt"));
    long last = 0;
    for (long number = 0; written >> number;) {
      last = number;
    }
    CHECK(last % 2 == 0);
    CHECK(last > 2 * answer.at("sequence").get<long>());
  }

  TEST_CASE("run: a parameter that is set while its stage is down waits for it") {
    const Bench bench;
    const auto launcher = bench.launcher(three("factor: 1", "frames: 0, period: 2ms"));
    Background run(*launcher);
    CHECK(ask(*launcher, {{"do", "hold"}, {"stage", "work"}}).at("ok") == true);
    const std::int64_t deadline_ns = monotonic_ns() + 10'000'000'000;
    while (status_of(*launcher, 1).at("phase") != "held" && monotonic_ns() < deadline_ns) {
    }
    std::promise<json> first;
    std::promise<json> second;
    for (const int value : {3, 2}) {
      launcher->request({{"do", "set"}, {"stage", "work"}, {"param", "factor"}, {"value", value}},
                        [&, value](const json& what, const auto&) {
                          (value == 3 ? first : second).set_value(what);
                        });
    }
    CHECK(ask(*launcher, {{"do", "release"}, {"stage", "work"}}).at("ok") == true);
    const json answer = second.get_future().get();
    CHECK(answer.at("ok") == true);
    CHECK(first.get_future().get().value("error", "").find("another") != std::string::npos);
    // Its successor has it too.
    kill_and_wait_back(*launcher, 1);
    CHECK(ask(*launcher, {{"do", "stop"}}).at("ok") == true);
    const auto result = run.result.get();
    CHECK(result.code == ErrorCode::Ok);
    CHECK(log_of(result).find("'work.factor' = 2 from frame") != std::string::npos);
    std::istringstream written(bench.read("out.txt"));
    long last = 0;
    for (long number = 0; written >> number;) {
      last = number;
    }
    CHECK(last % 2 == 0);
    CHECK(last > 2 * answer.at("sequence").get<long>());
  }

  TEST_CASE("run: a change that crashes its stage is not tried again") {
    const Bench bench;
    const auto launcher = bench.launcher(three("factor: 1", "frames: 300, period: 2ms"));
    Background run(*launcher);
    const json answer =
        ask(*launcher, {{"do", "set"}, {"stage", "work"}, {"param", "factor"}, {"value", 9}});
    CHECK(answer.value("error", "").find("crashed") != std::string::npos);
    const auto result = run.result.get();
    CHECK(result.code == ErrorCode::Ok);
    CHECK(stage_of(result, "work").at("crashes") == 1);
    CHECK(bench.read("out.txt") == lines(300));
  }

  TEST_CASE("run: one stage is taken out and put in again") {
    const Bench bench;
    const auto launcher = bench.launcher(three("factor: 1", "frames: 200, period: 2ms"));
    Background run(*launcher);
    CHECK(ask(*launcher, {{"do", "hold"}, {"stage", "work"}}).at("ok") == true);
    const std::int64_t deadline_ns = monotonic_ns() + 10'000'000'000;
    while (status_of(*launcher, 1).at("phase") != "held" && monotonic_ns() < deadline_ns) {
    }
    CHECK(ask(*launcher, {{"do", "release"}, {"stage", "work"}}).at("ok") == true);
    CHECK(ask(*launcher, {{"do", "hold"}, {"stage", "wrk"}}).value("error", "").find("work") !=
          std::string::npos);
    const auto result = run.result.get();
    CHECK(result.code == ErrorCode::Ok);
    CHECK(bench.read("out.txt") == lines(200));
  }

  TEST_CASE("run: a stage that does not end when ordered is killed, within two seconds") {
    const Bench bench;
    const auto launcher = bench.launcher(three("deaf: true", "frames: 0, period: 2ms"));
    Background run(*launcher);
    const std::int64_t began_ns = monotonic_ns();
    CHECK(ask(*launcher, {{"do", "stop"}}).at("ok") == true);
    const auto result = run.result.get();
    CHECK(monotonic_ns() - began_ns < 3'000'000'000);
    CHECK(log_of(result).find("stage 'work' did not end in time") != std::string::npos);
  }

  TEST_CASE("what a stage gave into keeping is its successor's") {
    const Bench bench;
    const auto launcher = bench.launcher(three("keep: true, crash-once: 20"));
    const launch::RunResult result = launcher->run();
    CHECK(result.code == ErrorCode::Ok);
    const std::string log = log_of(result);
    CHECK(log.find("0 kept, letters ''") != std::string::npos);
    CHECK(log.find("1 kept, letters 'a'") != std::string::npos);
  }
}
