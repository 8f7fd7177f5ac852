// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/child_process.hpp>
#include <avrig/launch/crew.hpp>
#include <avrig/launch/inspect.hpp>
#include <avrig/launch/programs.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/spec/problem.hpp>
#include <avrig/stage/wire.hpp>

#include <array>
#include <filesystem>
#include <poll.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

constexpr std::int64_t kPatienceNs = 30'000'000'000;
constexpr std::size_t kMostBytes = 4 << 20;

/// All of a child's output; a plug-in's constructors may hang or talk without end.
std::string read_until_end(int fd, std::int64_t deadline_ns) {
  std::string text;
  std::array<char, 8192> bytes{};
  while (text.size() < kMostBytes) {
    pollfd entry{fd, POLLIN, 0};
    const std::int64_t left_ms = (deadline_ns - monotonic_ns()) / 1'000'000;
    if (left_ms <= 0 || ::poll(&entry, 1, static_cast<int>(left_ms)) <= 0) {
      break;
    }
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    if (count <= 0) {
      break;
    }
    text.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace

json inspect_plugin(const std::string& plugin) {
  ChildOptions options;
  options.program = (std::filesystem::path(find_program_dir()) / "plugin_inspector").string();
  options.arguments = {plugin};
  const std::int64_t deadline_ns = monotonic_ns() + kPatienceNs;
  ChildProcess child = ChildProcess::spawn(options);
  const std::string said = read_until_end(child.output_fd(), deadline_ns);
  const auto status = child.wait(deadline_ns);
  if (!status) {
    throw Error(ErrorCode::Open, "plug-in '" + plugin + "' hangs when it is loaded");
  }
  // The answer is the last line; a plug-in may have printed others before it.
  const std::size_t begin = said.find_last_of('\n', said.size() < 2 ? 0 : said.size() - 2);
  const json found =
      json::parse(begin == std::string::npos ? said : said.substr(begin + 1), nullptr, false);
  if (!status->clean() || !found.is_object()) {
    throw Error(ErrorCode::Open,
                found.is_object() && found.contains("error")
                    ? found.at("error").get<std::string>()
                    : "cannot inspect plug-in '" + plugin + "': its process " +
                          (status->by_signal ? "was " : "") + to_string(*status) +
                          (said.empty() ? "" : "; it said: " + said));
  }
  return found;
}

bool is_built_in(const std::string& name) noexcept {
  return name.starts_with("read:") || name.starts_with("write:");
}

json inspect_built_in(const std::string& name) {
  const bool reads = name.starts_with("read:");
  const spec::Role role = reads ? spec::Role::Reader : spec::Role::Writer;
  stage::Request request;
  request.role = reads ? "read" : "write";
  request.target = name.substr(name.find(':') + 1);
  request.parameters = "{}";
  const std::string program = program_for(role, request.target);
  if (program.empty()) {
    throw Error(ErrorCode::Spec,
                "there is no " + std::string(spec::role_name(role)) + " '" + request.target +
                    "'; " + spec::did_you_mean(request.target, known_targets(role)));
  }
  auto [ours, theirs] = stage::Socket::pair();
  ChildOptions options;
  options.program = (std::filesystem::path(find_program_dir()) / program).string();
  options.fds = {{theirs.get(), stage::Socket::kStageFd}};
  ChildProcess child = ChildProcess::spawn(options);
  theirs.reset();
  const std::int64_t deadline_ns = monotonic_ns() + kPatienceNs;
  (void)ours.send(Crew::parameters_order(request).dump());
  const auto answer = ours.wait(deadline_ns) ? ours.receive() : std::nullopt;
  const json found = json::parse(answer ? answer->text : "", nullptr, false);
  if (!found.is_object() || found.value("answer", "") != "parameters") {
    throw Error(ErrorCode::Open, "'" + name + "' does not say what it takes");
  }
  json parameters = found.at("parameters");
  for (json& parameter : parameters) {
    std::string choices;  // as a plug-in writes them
    for (const std::string& choice : parameter.value("choices", std::vector<std::string>())) {
      choices += (choices.empty() ? "" : ",") + choice;
    }
    parameter["choices"] = choices;
  }
  const json component = {
      {"role", request.role}, {"name", request.target}, {"parameters", parameters}};
  return {{"path", options.program}, {"components", json::array({component})}};
}

std::string describe_plugin(const json& plugin) {
  std::string text = plugin.at("path").get<std::string>() + "\n";
  if (plugin.contains("abi")) {
    text += "  plug-in ABI " + plugin.at("abi").get<std::string>() + ", version " +
            plugin.at("version").get<std::string>() + "\n";
  }
  for (const json& component : plugin.at("components")) {
    text += "\n" + component.at("role").get<std::string>() + " " +
            component.at("name").get<std::string>() + "\n";
    if (component.contains("summary")) {
      text += "  " + component.at("summary").get<std::string>() + "\n";
    }
    for (const char* side : {"inputs", "outputs"}) {
      for (const json& port : component.value(side, json::array())) {
        text += std::string("  ") + (side[0] == 'i' ? "in   " : "out  ") +
                port.at("name").get<std::string>() + ": " + port.at("media").get<std::string>() +
                "\n";
      }
    }
    for (const json& parameter : component.at("parameters")) {
      const auto part = [&](const char* key, const char* before) {
        const std::string value = parameter.value(key, "");
        return value.empty() ? std::string() : before + value;
      };
      text += "  with " + parameter.at("name").get<std::string>() + ": " +
              parameter.at("type").get<std::string>() + part("default", " = ") +
              part("minimum", ", from ") + part("maximum", ", to ") + part("choices", ", one of ") +
              (parameter.value("live", false) ? ", live" : "") +
              (parameter.value("required", false) ? ", required" : "") + part("doc", "\n       ") +
              "\n";
    }
  }
  return text;
}

}  // namespace avrig::launch
