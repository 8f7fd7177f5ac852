// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "map_reader.hpp"
#include <avrig/error.hpp>
#include <avrig/spec/parse.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

namespace avrig::spec {
namespace {

void read_groups(Reading& reading, const YamlNode& node, PipelineSpec& spec) {
  if (node.kind != YamlNode::Kind::Map) {
    reading.error(node, "'groups' must be a map of groups, got " + described(node));
    return;
  }
  for (const auto& [name, value] : unique_entries(reading, node)) {
    if (!is_good_name(name->text)) {
      reading.error(*name, "'" + shortened(name->text) + "' cannot be a group's name");
      continue;
    }
    const Fields fields = read_map(reading, *value, Scope::Group, "group '" + name->text + "'");
    GroupSpec& group = spec.groups[name->text];
    group.position = reading.at(*name);
    fields.take_word("mode", {SyncMode::Live, SyncMode::Offline, SyncMode::Asap}, group.mode);
    fields.take("delay", group.delay_ns);
    fields.take("max_delay", group.max_delay_ns);
    fields.take("max_unsynced", group.max_unsynced_ns);
    fields.take_word("end", {GroupEnd::All, GroupEnd::Any}, group.end);
    const Field* most = fields.find("max_delay");
    if (most != nullptr && group.delay_ns && *group.delay_ns > group.max_delay_ns) {
      reading.error(*most->node,
                    "'delay' of group '" + name->text + "' is above its 'max_delay'",
                    "leave 'max_delay' away: it bounds a delay that is measured");
    }
  }
}

void read_jack(Reading& reading, const YamlNode& node, JackSpec& jack) {
  const Fields fields = read_map(reading, node, Scope::Jack, "'jack'");
  fields.take("server", jack.server);
  fields.take_word("start", {JackStart::Auto, JackStart::Never, JackStart::Private}, jack.start);
  fields.take("driver", jack.driver);
  fields.take("period", jack.period_samples);
  const Field* rate = fields.find("rate");
  if (rate != nullptr && rate->value.is_number_float()) {
    reading.error(*rate->node, "'rate' must be a whole number of Hz");
    return;
  }
  fields.take("rate", jack.rate_hz);
}

/// Returns, for each stage, whether its inputs could be read.
std::vector<bool> read_stages(Reading& reading,
                              const Fields& fields,
                              const YamlNode& root,
                              PipelineSpec& spec) {
  std::vector<bool> inputs_known;
  const Field* stages = fields.find("stages");
  if (stages == nullptr) {
    reading.error(root, "the pipeline has no 'stages'", "add 'stages:' and at least one stage");
    return inputs_known;
  }
  if (stages->node->kind == YamlNode::Kind::Null) {
    return inputs_known;  // check() says that the pipeline is empty
  }
  if (stages->node->kind != YamlNode::Kind::List) {
    reading.error(*stages->node,
                  "'stages' must be a list, got " + described(*stages->node),
                  "begin each stage with '- id: ...'");
    return inputs_known;
  }
  StageSpec defaults;
  if (const Field* field = fields.find("defaults")) {
    defaults = read_defaults(reading, *field->node);
  }
  spec.stages.reserve(stages->node->items.size());
  for (const YamlNode* item : stages->node->items) {
    ReadStage read = read_stage(reading, *item, defaults);
    spec.stages.push_back(std::move(read.stage));
    inputs_known.push_back(read.inputs_known);
  }
  return inputs_known;
}

void read_version(Reading& reading,
                  const YamlNode& root,
                  const Fields& fields,
                  PipelineSpec& spec) {
  const Field* version = fields.find("avrig");
  if (version == nullptr) {
    reading.error(root,
                  "the file does not say which version of avrig's language it is in",
                  "begin it with 'avrig: 1'");
  }
  fields.take("avrig", spec.version);
}

std::vector<bool> read_root(Reading& reading, const YamlNode& root, PipelineSpec& spec) {
  // The folder comes first: the other paths count from it.
  for (const auto& [key, value] : root.entries) {
    if (key->text == "folder" && value->kind == YamlNode::Kind::Scalar) {
      reading.folder = resolve_path(value->text, reading.folder);
    }
  }
  spec.folder = reading.folder;
  const Fields fields = read_map(reading, root, Scope::Top, "the pipeline");
  if (root.kind != YamlNode::Kind::Map) {
    return {};
  }
  read_version(reading, root, fields, spec);
  fields.take("pipeline", spec.name);
  fields.take("run_dir", spec.run_dir);
  fields.take("memory_budget", spec.memory_budget_bytes);
  fields.take("offline", spec.offline);
  if (const Field* jack = fields.find("jack")) {
    read_jack(reading, *jack->node, spec.jack);
  }
  if (const Field* groups = fields.find("groups")) {
    read_groups(reading, *groups->node, spec);
  }
  return read_stages(reading, fields, root, spec);
}

std::string stem_of(const std::string& file) {
  return std::filesystem::path(file).stem().string();
}

/// check()'s findings, without those that an earlier problem at the same place explains.
void add_checks(ParseResult& result, const std::vector<bool>& inputs_known) {
  std::set<std::pair<int, int>> taken;
  for (const Problem& problem : result.problems) {
    taken.emplace(problem.position.line, problem.position.column);
  }
  for (Problem& problem : check_read(result.spec, inputs_known)) {
    if (!taken.contains({problem.position.line, problem.position.column})) {
      result.problems.push_back(std::move(problem));
    }
  }
}

}  // namespace

ParseResult parse_text(std::string text, std::string file, std::string folder) {
  ParseResult result;
  if (text.rfind("\xEF\xBB\xBF", 0) == 0) {
    text.erase(0, 3);
  }
  std::error_code ignored;
  folder =
      std::filesystem::absolute(folder.empty() ? "." : folder, ignored).lexically_normal().string();
  if (folder.size() > 1 && folder.back() == '/') {
    folder.pop_back();
  }
  result.source = make_source(std::move(file), std::move(text));
  result.spec.file = result.source.file;
  result.spec.folder = folder;
  result.spec.name = stem_of(result.source.file);
  const YamlTree tree = read_yaml(result.source, result.problems);
  if (tree.root == nullptr) {
    if (result.problems.empty()) {
      result.problems.push_back({{result.source.file, 0, 0},
                                 Severity::Error,
                                 "the file is empty",
                                 "begin it with 'avrig: 1'"});
    }
    return result;
  }
  Reading reading{result.source.file, folder, result.problems};
  const std::vector<bool> inputs_known = read_root(reading, *tree.root, result.spec);
  if (tree.root->kind == YamlNode::Kind::Map) {
    add_checks(result, inputs_known);
  }
  return result;
}

ParseResult parse_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  if (stream && !is_folder) {
    text.resize(kMaxFileBytes + 1);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    return parse_text(std::move(text), path, folder.string());
  }
  const int seen = errno;
  ParseResult result;
  result.source = make_source(path, "");
  result.problems.push_back({{path, 0, 0},
                             Severity::Error,
                             std::string("cannot read the pipeline file: ") +
                                 (is_folder ? "it is a folder" : std::strerror(seen)),
                             {}});
  return result;
}

PipelineSpec load(const std::string& path) {
  ParseResult result = parse_file(path);
  if (!result.ok()) {
    throw Error(ErrorCode::Spec, result.rendered());
  }
  return std::move(result.spec);
}

}  // namespace avrig::spec
