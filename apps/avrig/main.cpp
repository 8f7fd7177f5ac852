// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "command.hpp"
#include <avrig/error.hpp>
#include <avrig/launch/run_folder.hpp>

#include <array>
#include <cstring>
#include <iostream>

#include <nlohmann/json.hpp>

namespace {

using avrig::app::Command;

constexpr std::array kCommands{
    Command{"run",
            "run [OPTION...] SPEC",
            "Run a pipeline until its sources end, or Ctrl-C.",
            "avrig run talking-head.yaml --set blur.kernel=21",
            avrig::app::run_command},
    Command{"validate",
            "validate [--json] SPEC",
            "Say all that is wrong with a pipeline, without running it. Its sources, devices and\n"
            "plug-ins are opened, each in a process of its own, and asked what they are.",
            "avrig validate talking-head.yaml",
            avrig::app::validate_command},
    Command{"graph",
            "graph [--format text|dot|mermaid] SPEC",
            "Show stages, rings, formats and who waits for whom.",
            "avrig graph talking-head.yaml --format dot | dot -Tsvg > graph.svg",
            avrig::app::graph_command},
    Command{"inspect",
            "inspect [--json] PLUGIN",
            "Show what a plug-in (a library, or a built-in processor) offers: components, ports,\n"
            "parameters; of avrig's readers and writers (read:media, write:jack) what they take.\n"
            "It is loaded in a process of its own.",
            "avrig inspect ./libface_blur.so",
            avrig::app::inspect_command},
    Command{"schema",
            "schema",
            "Print the JSON Schema of the pipeline file, for editors.",
            "avrig schema > avrig.schema.json",
            avrig::app::schema_command},
    Command{"ps",
            "ps [--json]",
            "List the running rigs of this user.",
            "avrig ps",
            avrig::app::ps_command},
    Command{"top",
            "top [--once] [--json] [RUN]",
            "Watch a rig's stages and edges. Reads shared counters, disturbs nothing.",
            "avrig top talking-head",
            avrig::app::top_command},
    Command{"set",
            "set RUN STAGE.PARAM=VALUE",
            "Change a parameter of a stage, between two frames; kept for a restart, and through one.",
            "avrig set talking-head blur.kernel=31",
            avrig::app::set_command},
    Command{"mix",
            "mix [--follow] RUN[/STAGE] REQUEST...",
            "Speak with the mixer of a rig: requests in JSON (docs/dipstream.md), replies in JSON.",
            "avrig mix talking-head now '{\"do\": \"set\", \"voice\": \"pipeline\", "
            "\"gain_db\": -12}'",
            avrig::app::mix_command},
    Command{"mark",
            "mark RUN TEXT",
            "Write a time-stamped text into the recording and the log.",
            "avrig mark talking-head 'subject blinked'",
            avrig::app::mark_command},
    Command{"stop",
            "stop [--now] RUN",
            "End a rig: its recordings are closed and complete.",
            "avrig stop talking-head",
            avrig::app::stop_command},
    Command{"doctor",
            "doctor [--json]",
            "Look at what this machine allows a rig to do; each shortcoming with its fix.",
            "avrig doctor",
            avrig::app::doctor_command},
};

void print_help() {
  std::cout << "avrig: audio/video pipelines of many processes over shared memory\n\n"
               "usage: avrig COMMAND [OPTION...]\n\n";
  for (const Command& command : kCommands) {
    const std::string summary = command.summary;
    std::cout << "  " << command.name << std::string(10 - std::strlen(command.name), ' ')
              << summary.substr(0, summary.find_first_of(".:\n")) << "\n";
  }
  std::cout << "\n'avrig COMMAND --help' says more; 'avrig --version' prints the versions.\n"
               "Exit codes: 0 good; 1 wrong command line; 2 the pipeline file is wrong; 3 a source,"
               "\ndevice, plug-in or target could not be opened; 4 a promise was broken; 5 a stage"
               "\ndied beyond its restarts; 130 interrupted.\n\n"
               "Example:\n  avrig run talking-head.yaml --report report.json\n";
}

void print_version() {
  const nlohmann::json versions = avrig::launch::versions();
  std::cout << "avrig " << versions.at("avrig").get<std::string>() << "\nplug-in ABI "
            << versions.at("plugin_abi").get<std::string>() << "\nshared-memory layout "
            << versions.at("shm_layout") << "\n";
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return words.empty() ? static_cast<int>(avrig::ErrorCode::Internal) : 0;
  }
  if (words[0] == "--version") {
    print_version();
    return 0;
  }
  for (const Command& command : kCommands) {
    if (words[0] == command.name) {
      return command.main(command, {words.begin() + 1, words.end()});
    }
  }
  throw avrig::Error(avrig::ErrorCode::Internal,
                     "unknown command '" + words[0] + "' ('avrig --help' lists them)");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch({argv + 1, argv + argc});
  } catch (const avrig::Error& error) {
    std::cerr << "avrig: " << error.what() << "\n";
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << "avrig: " << error.what() << "\n";
    return static_cast<int>(avrig::ErrorCode::Internal);
  }
}
