// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "command.hpp"
#include <avrig/graph/render.hpp>
#include <avrig/launch/inspect.hpp>
#include <avrig/launch/launcher.hpp>
#include <avrig/spec/check.hpp>
#include <avrig/spec/keys.hpp>
#include <avrig/spec/override.hpp>
#include <avrig/spec/parse.hpp>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::app {
namespace {

using nlohmann::json;
namespace po = boost::program_options;

constexpr const char* kSetHelp = "STAGE.PARAM=VALUE, over what the file says (repeatable)";

void add_spec_options(CommandLine& line) {
  line.options()("offline",
                 "as fast as possible, nothing waits for a clock; same input, same bits")(
      "set", po::value<std::vector<std::string>>()->value_name("S.P=V"), kSetHelp);
  line.positional("spec", true);
}

/// The file as the command line changes it.
spec::ParseResult read_spec(const CommandLine& line) {
  spec::ParseResult parsed = spec::parse_file(line.text("spec"));
  if (parsed.ok()) {
    for (const std::string& change : line.list("set")) {
      spec::apply_override(parsed.spec, change);
    }
    parsed.spec.offline = parsed.spec.offline || line.has("offline");
  }
  return parsed;
}

void show(const std::vector<spec::Problem>& problems, const spec::SourceText& source) {
  std::cerr << spec::render(problems, source);
}

int as_exit(ErrorCode code) {
  return static_cast<int>(code);
}

std::string drops_of(const json& stage) {
  std::string drops;
  for (const auto& [reason, count] : stage.at("drops").items()) {
    drops += (drops.empty() ? "" : ", ") + reason + " " + count.dump();
  }
  return drops.empty() ? "none" : drops;
}

/// Each stage in a line, then how well each sync group was presented.
void print_summary(const json& report) {
  std::size_t width = 5;
  for (const json& stage : report.at("stages")) {
    width = std::max(width, stage.at("id").get_ref<const std::string&>().size());
  }
  const auto name_width = static_cast<int>(width);
  std::cout << std::left << std::setw(name_width) << "stage" << std::right << std::setw(9) << "pid"
            << std::setw(11) << "frames in" << std::setw(12) << "frames out" << std::setw(10)
            << "restarts"
            << "  drops\n";
  for (const json& stage : report.at("stages")) {
    std::cout << std::left << std::setw(name_width) << stage.at("id").get<std::string>()
              << std::right << std::setw(9) << stage.at("pid").dump() << std::setw(11)
              << stage.at("frames_in").dump() << std::setw(12) << stage.at("frames_out").dump()
              << std::setw(10) << stage.at("restarts").dump() << "  " << drops_of(stage) << "\n";
  }
  for (const json& group : report.at("sync")) {
    const json& offset = group.at("offset_ns");
    if (offset.value("count", std::uint64_t{0}) > 0) {
      const auto ms = [&](const char* key) {
        return offset.value(key, 0.0) * 1e-6;
      };
      std::cout << "group '" << group.at("group").get<std::string>() << "': pictures shown "
                << std::fixed << std::setprecision(2) << ms("mean") << " ms after they were due ("
                << ms("min") << " to " << ms("max") << "), " << group.at("held").dump() << " held, "
                << group.at("dropped").dump() << " dropped\n";
    }
  }
}

}  // namespace

int run_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.options()(
      "report", po::value<std::string>()->value_name("FILE"), "also write the report (JSON) there")(
      "verbose,v", "show the whole log")("quiet,q", "show errors only");
  add_spec_options(line);
  if (!line.parse(arguments)) {
    return 0;
  }
  spec::ParseResult parsed = read_spec(line);
  show(parsed.problems, parsed.source);
  if (!parsed.ok()) {
    return as_exit(ErrorCode::Spec);
  }
  launch::LaunchOptions options;
  options.report_file = line.text("report");
  options.progress = ::isatty(STDERR_FILENO) == 1 && !line.has("quiet");
  options.echo = line.has("verbose") ? stage::Level::Debug
                 : line.has("quiet") ? stage::Level::Error
                                     : stage::Level::Warning;
  try {
    launch::Launcher launcher(std::move(parsed.spec), options);
    const launch::RunResult result = launcher.run();
    if (!line.has("quiet")) {
      print_summary(*result.report);
      std::cout << "run folder: " << result.run_dir << "\n";
    }
    return as_exit(result.code);
  } catch (const launch::SetupError& error) {
    show(error.problems().problems, parsed.source);
    return as_exit(error.code());
  }
}

int validate_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.options()("json", "problems as JSON");
  add_spec_options(line);
  if (!line.parse(arguments)) {
    return 0;
  }
  spec::ParseResult parsed = read_spec(line);
  std::vector<spec::Problem> problems = parsed.problems;
  ErrorCode code = parsed.ok() ? ErrorCode::Ok : ErrorCode::Spec;
  if (parsed.ok()) {
    launch::Checked checked = launch::Launcher(parsed.spec).check();
    code = checked.found.ok() ? ErrorCode::Ok : checked.found.code;
    problems.insert(problems.end(), checked.found.problems.begin(), checked.found.problems.end());
  }
  if (line.has("json")) {
    json list = json::array();
    for (const spec::Problem& problem : problems) {
      list.push_back(problem);
    }
    std::cout << json{{"ok", code == ErrorCode::Ok}, {"problems", list}}.dump(2) << "\n";
  } else {
    show(problems, parsed.source);
    if (code == ErrorCode::Ok) {
      std::cout << line.text("spec") << ": good, " << parsed.spec.stages.size() << " stages\n";
    }
  }
  return as_exit(code);
}

int graph_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.options()(
      "format", po::value<std::string>()->value_name("F"), "text (default), dot or mermaid");
  add_spec_options(line);
  if (!line.parse(arguments)) {
    return 0;
  }
  const std::string format = line.has("format") ? line.text("format") : "text";
  if (format != "text" && format != "dot" && format != "mermaid") {
    throw Error(ErrorCode::Internal, "--format is text, dot or mermaid, not '" + format + "'");
  }
  spec::ParseResult parsed = read_spec(line);
  show(parsed.problems, parsed.source);
  if (!parsed.ok()) {
    return as_exit(ErrorCode::Spec);
  }
  const launch::Checked checked = launch::Launcher(parsed.spec).check();
  show(checked.found.problems, parsed.source);
  if (checked.graph) {
    const graph::Plan* plan = checked.plan ? &*checked.plan : nullptr;
    std::cout << (format == "dot"       ? graph::to_dot(*checked.graph, plan)
                  : format == "mermaid" ? graph::to_mermaid(*checked.graph, plan)
                                        : graph::to_text(*checked.graph, plan));
  }
  return as_exit(checked.found.ok() ? ErrorCode::Ok : checked.found.code);
}

int schema_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  if (line.parse(arguments)) {
    std::cout << spec::schema() << "\n";
  }
  return 0;
}

int inspect_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.options()("json", "as JSON");
  line.positional("plugin", true);
  if (!line.parse(arguments)) {
    return 0;
  }
  const std::string name = line.text("plugin");
  const json found =
      launch::is_built_in(name) ? launch::inspect_built_in(name) : launch::inspect_plugin(name);
  std::cout << (line.has("json") ? found.dump(2) + "\n" : launch::describe_plugin(found));
  return 0;
}

}  // namespace avrig::app
