// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/launcher.hpp>
#include <avrig/pipeline.hpp>
#include <avrig/spec/check.hpp>
#include <avrig/spec/parse.hpp>
#include <avrig/spec/yaml.hpp>

#include <filesystem>
#include <future>
#include <thread>

#include <nlohmann/json.hpp>

namespace avrig {
namespace {

using nlohmann::json;

json to_json_value(const PipelineValue& value) {
  return std::visit([](const auto& held) { return json(held); }, value);
}

std::string text_of(const PipelineValue& value) {
  const json written = to_json_value(value);
  return written.is_string() ? written.get<std::string>() : written.dump();
}

spec::InputSpec to_input(const std::string& reference) {
  spec::InputSpec input;
  const std::size_t slash = reference.find('/');
  input.stage = reference.substr(0, slash);
  input.port = slash == std::string::npos ? "" : reference.substr(slash + 1);
  return input;
}

}  // namespace

struct Pipeline::Self {
  spec::PipelineSpec spec;
  launch::LaunchOptions options;
  std::unique_ptr<launch::Launcher> launcher;
  std::future<launch::RunResult> run;
  launch::RunResult result;

  spec::StageSpec& stage(const std::string& id) {
    spec::StageSpec* found = spec.find_stage(id);
    if (found == nullptr) {
      throw Error(ErrorCode::Spec, "pipeline '" + spec.name + "' has no stage '" + id + "'");
    }
    return *found;
  }

  void add(spec::Role role,
           const std::string& id,
           const std::string& what,
           const std::vector<std::string>& in,
           const PipelineParameters& with) {
    spec::StageSpec stage;
    stage.id = id;
    stage.role = role;
    stage.target = what;
    stage.folder = spec.folder;
    if (role != spec::Role::Sync && spec::is_library_path(what)) {
      stage.target_path = spec::resolve_path(what, spec.folder);
    }
    for (const std::string& reference : in) {
      stage.inputs.push_back(to_input(reference));
    }
    for (const auto& [name, value] : with) {
      stage.params[name] = to_json_value(value);
    }
    spec.stages.push_back(std::move(stage));
  }

  /// One request to the running launcher, answered.
  json ask(json request) {
    if (!launcher) {
      throw Error(ErrorCode::Internal, "pipeline '" + spec.name + "' was not started");
    }
    const auto answer = std::make_shared<std::promise<json>>();
    launcher->request(std::move(request),
                      [answer](const json& what, const auto&) { answer->set_value(what); });
    json what = answer->get_future().get();
    if (!what.value("ok", false)) {
      throw Error(ErrorCode::Spec, what.value("error", "the launcher does not answer"));
    }
    return what;
  }

  void end(bool now) {
    try {
      (void)ask({{"do", "stop"}, {"now", now}});
    } catch (const Error&) {
      // It has ended by itself meanwhile: what was wanted.
    }
  }
};

Pipeline::Pipeline(std::string name) : self_(std::make_unique<Self>()) {
  self_->spec.name = std::move(name);
  self_->spec.folder = std::filesystem::current_path().string();
  self_->options.handle_signals = false;  // those are the program's own
}

Pipeline Pipeline::from_file(const std::string& path) {
  Pipeline pipeline("");
  pipeline.self_->spec = spec::load(path);
  return pipeline;
}

Pipeline::~Pipeline() {
  if (self_ && self_->run.valid()) {
    try {
      stop();
      wait();
    } catch (const std::exception&) {
      // It has ended; how, nobody asked.
    }
  }
}

Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;

Pipeline& Pipeline::read(const std::string& id,
                         const std::string& what,
                         const PipelineParameters& with) {
  self_->add(spec::Role::Reader, id, what, {}, with);
  return *this;
}

Pipeline& Pipeline::process(const std::string& id,
                            const std::string& what,
                            const std::vector<std::string>& in,
                            const PipelineParameters& with) {
  self_->add(spec::Role::Processor, id, what, in, with);
  return *this;
}

Pipeline& Pipeline::sync(const std::string& id, const std::string& group, const std::string& in) {
  self_->add(spec::Role::Sync, id, group, {in}, {});
  return *this;
}

Pipeline& Pipeline::write(const std::string& id,
                          const std::string& what,
                          const std::vector<std::string>& in,
                          const PipelineParameters& with) {
  self_->add(spec::Role::Writer, id, what, in, with);
  return *this;
}

Pipeline& Pipeline::group(const std::string& name,
                          std::int64_t delay_ns,
                          std::int64_t max_delay_ns,
                          std::int64_t max_unsynced_ns) {
  spec::GroupSpec group;
  if (delay_ns >= 0) {
    group.delay_ns = delay_ns;
  }
  group.max_delay_ns = max_delay_ns;
  group.max_unsynced_ns = max_unsynced_ns;
  self_->spec.groups[name] = group;
  return *this;
}

Pipeline& Pipeline::with(const std::string& id,
                         const std::string& parameter,
                         const PipelineValue& value) {
  self_->stage(id).params[parameter] = to_json_value(value);
  return *this;
}

Pipeline& Pipeline::offline(bool offline) {
  self_->spec.offline = offline;
  return *this;
}

Pipeline& Pipeline::run_folder(const std::string& folder) {
  self_->spec.run_dir = folder;
  return *this;
}

Pipeline& Pipeline::program_folder(const std::string& folder) {
  self_->options.program_dir = folder;
  return *this;
}

std::string Pipeline::yaml() const {
  return spec::to_yaml(self_->spec);
}

void Pipeline::start() {
  if (self_->run.valid()) {
    throw Error(ErrorCode::Internal, "pipeline '" + self_->spec.name + "' runs already");
  }
  launch::SetupProblems problems;
  problems.add(ErrorCode::Spec, spec::check(self_->spec));
  if (!problems.ok()) {
    throw launch::SetupError(std::move(problems));
  }
  self_->result = {};
  self_->launcher = std::make_unique<launch::Launcher>(self_->spec, self_->options);
  const auto started = std::make_shared<std::promise<void>>();
  auto flowing = started->get_future();
  self_->launcher->on_started([started] { started->set_value(); });
  self_->run = std::async(std::launch::async, [launcher = self_->launcher.get(), started] {
    try {
      return launcher->run();
    } catch (...) {
      try {
        started->set_exception(std::current_exception());
      } catch (const std::future_error&) {
        // It had started: wait() tells.
      }
      throw;
    }
  });
  try {
    flowing.get();
  } catch (...) {
    self_->run.wait();
    self_->run = {};
    throw;
  }
}

void Pipeline::wait() {
  if (!self_->run.valid()) {
    throw Error(ErrorCode::Internal, "pipeline '" + self_->spec.name + "' does not run");
  }
  self_->result = self_->run.get();
  if (self_->result.code != ErrorCode::Ok) {
    throw Error(self_->result.code, self_->result.text);
  }
}

void Pipeline::stop() {
  self_->end(false);
}

void Pipeline::stop_now() {
  self_->end(true);
}

bool Pipeline::running() const {
  return self_->run.valid() &&
         self_->run.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

void Pipeline::stop(const std::string& id) {
  (void)self_->ask({{"do", "hold"}, {"stage", id}});
}

void Pipeline::start(const std::string& id) {
  (void)self_->ask({{"do", "release"}, {"stage", id}});
}

void Pipeline::wait(const std::string& id) {
  (void)self_->ask({{"do", "wait"}, {"stage", id}});
}

std::uint64_t Pipeline::set(const std::string& id,
                            const std::string& parameter,
                            const PipelineValue& value) {
  const json answer = self_->ask({{"do", "set"},
                                  {"stage", id},
                                  {"param", parameter},
                                  {"value", to_json_value(value)},
                                  {"text", text_of(value)}});
  return answer.at("sequence").get<std::uint64_t>();
}

void Pipeline::mark(const std::string& text) {
  (void)self_->ask({{"do", "mark"}, {"text", text}});
}

std::string Pipeline::last_run_folder() const {
  return self_->result.run_dir;
}

std::string Pipeline::report() const {
  return self_->result.report ? self_->result.report->dump(2) : std::string();
}

}  // namespace avrig
