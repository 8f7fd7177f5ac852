// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "yaml_tree.hpp"

#include <avrig/spec/parse.hpp>

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace avrig::spec {
namespace {

/// Stops the reading; the text is for the user.
struct Refused {
  int line;
  int column;
  std::string text;
  std::string suggestion;
};

/// How many characters come before a byte of a text. Kept in steps, since a line may be a megabyte
/// long and yaml-cpp's marks jump back and forth in it.
class CharacterCount {
 public:
  explicit CharacterCount(std::string_view text) : text_(text) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (i % kStep == 0) {
        steps_.push_back(count);
      }
      count += begins_character(i) ? 1U : 0U;
    }
    steps_.push_back(count);
  }

  [[nodiscard]] std::size_t before(std::size_t byte) const {
    byte = std::min(byte, text_.size());
    std::size_t i = byte / kStep * kStep;
    std::size_t count = steps_[byte / kStep];
    for (; i < byte; ++i) {
      count += begins_character(i) ? 1U : 0U;
    }
    return count;
  }

 private:
  static constexpr std::size_t kStep = 64;

  [[nodiscard]] bool begins_character(std::size_t i) const {
    return (static_cast<unsigned char>(text_[i]) & 0xC0U) != 0x80U;
  }

  std::string_view text_;
  std::vector<std::size_t> steps_;
};

/// Builds the tree from yaml-cpp's events, which come before yaml-cpp itself recurses deeper, so
/// that each bound is checked before it can hurt.
class Builder : public YAML::EventHandler {
 public:
  Builder(YamlTree& tree, const SourceText& source)
      : tree_(tree), source_(source), characters_(source.text) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode& node = make(mark, YamlNode::Kind::Null, anchor);
    node.closed = true;
    attach(node, mark);
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    YamlNode& node = make(mark, YamlNode::Kind::Scalar, anchor);
    node.plain = tag == "?";
    node.text = value;
    node.weight += value.size() / 32;  // so that aliases of long texts are bounded too
    node.closed = true;
    if (value.find('\0') != std::string::npos) {
      refuse(mark, "a NUL character cannot be part of a value");
    }
    attach(node, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end() || !found->second->closed) {
      refuse(mark, "an alias ('*') names something that is not complete before it");
    }
    attach(*found->second, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(make(mark, YamlNode::Kind::List, anchor), mark);
  }

  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(make(mark, YamlNode::Kind::Map, anchor), mark);
  }

  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode* node;
    const YamlNode* key = nullptr;
    YAML::Mark mark;
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string text, std::string suggestion = {}) {
    throw Refused{mark.line + 1, column(mark), std::move(text), std::move(suggestion)};
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      refuse(mark, "YAML tags ('!...') are not used in pipeline files", "leave the tag out");
    }
  }

  /// yaml-cpp counts bytes; people count characters.
  int column(const YAML::Mark& mark) const {
    const auto line = static_cast<std::size_t>(std::max(mark.line, 0));
    if (line >= source_.line_starts.size()) {
      return mark.column + 1;
    }
    const std::size_t begin = source_.line_starts[line];
    const std::size_t end = begin + static_cast<std::size_t>(std::max(mark.column, 0));
    return static_cast<int>(characters_.before(end) - characters_.before(begin)) + 1;
  }

  YamlNode& make(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
    YamlNode& node = tree_.nodes.emplace_back();
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = column(mark);
    if (anchor != 0) {
      anchors_[anchor] = &node;
    }
    return node;
  }

  void attach(const YamlNode& node, const YAML::Mark& mark) {
    if (static_cast<int>(open_.size()) + node.height > kMaxDepth) {
      refuse(mark, "maps and lists nest deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    total_ += node.weight;
    if (total_ > kMaxNodes) {
      refuse(mark,
             "the file holds more than " + std::to_string(kMaxNodes) +
                 " values, aliases ('*') followed");
    }
    if (open_.empty()) {
      tree_.root = &node;
      return;
    }
    Open& parent = open_.back();
    if (parent.node->kind == YamlNode::Kind::List) {
      parent.node->items.push_back(&node);
    } else if (parent.key == nullptr) {
      parent.key = &node;
      return;
    } else {
      parent.node->entries.emplace_back(parent.key, &node);
      parent.key = nullptr;
    }
  }

  void open(YamlNode& node, const YAML::Mark& mark) {
    if (static_cast<int>(open_.size()) + 1 > kMaxDepth) {
      refuse(mark, "maps and lists nest deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    open_.push_back({&node, nullptr, mark});
  }

  void close() {
    const Open done = open_.back();
    open_.pop_back();
    YamlNode& node = *done.node;
    node.closed = true;
    const auto add = [&node](const YamlNode* child) {
      node.weight += child->weight;
      node.height = std::max(node.height, child->height + 1);
    };
    for (const YamlNode* item : node.items) {
      add(item);
    }
    for (const auto& [key, value] : node.entries) {
      add(key);
      add(value);
    }
    total_ -= node.weight - 1;  // its parts were counted one by one; attach() counts it whole
    attach(node, done.mark);
  }

  YamlTree& tree_;
  const SourceText& source_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, const YamlNode*> anchors_;
  std::size_t total_ = 0;
  CharacterCount characters_;
};

/// Length of the UTF-8 sequence at `i`, 0 where there is none.
std::size_t utf8_length(const std::string& text, std::size_t i) {
  const auto at = [&text](std::size_t k) {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U;
  };
  const unsigned lead = at(i);
  if (lead < 0x80U) {
    return 1;
  }
  const std::size_t length = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : 2;
  if (lead < 0xC2U || lead > 0xF4U) {
    return 0;
  }
  for (std::size_t k = 1; k < length; ++k) {
    if ((at(i + k) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  const unsigned second = at(i + 1);
  const bool overlong = (lead == 0xE0U && second < 0xA0U) || (lead == 0xF0U && second < 0x90U);
  const bool beyond = (lead == 0xEDU && second > 0x9FU) || (lead == 0xF4U && second > 0x8FU);
  return overlong || beyond ? 0 : length;
}

/// Bytes that are no text at all stop the reading before yaml-cpp sees them: it takes a 0x04 for
/// the end of the file and guesses other encodings from NULs.
void refuse_binary(const SourceText& source) {
  const std::string& text = source.text;
  int line = 1;
  int column = 1;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(text, i);
    if (length == 0) {
      throw Refused{line, column, "this is not UTF-8 text", "save the file as UTF-8"};
    }
    const bool control = byte < 0x20U && byte != '\t' && byte != '\n' && byte != '\r';
    if (control || byte == 0x7FU) {
      throw Refused{line,
                    column,
                    byte == 0 ? "the file holds a NUL byte: it is not a text file, or not UTF-8"
                              : "the file holds a control character",
                    {}};
    }
    line += byte == '\n' ? 1 : 0;
    column = byte == '\n' ? 1 : column + 1;
    i += length;
  }
}

void read_document(const SourceText& source, YamlTree& tree) {
  if (source.text.size() > kMaxFileBytes) {
    throw Refused{0, 0, "the file is larger than 1MiB, the most that is read", {}};
  }
  refuse_binary(source);
  std::istringstream stream(source.text);
  YAML::Parser parser(stream);
  Builder builder(tree, source);
  if (!parser.HandleNextDocument(builder)) {
    return;
  }
  YamlTree second;
  Builder other(second, source);
  if (parser.HandleNextDocument(other)) {
    throw Refused{second.root == nullptr ? 0 : second.root->line,
                  1,
                  "the file holds a second YAML document",
                  "one file is one pipeline: remove what follows the '---'"};
  }
}

}  // namespace

YamlTree read_yaml(const SourceText& source, std::vector<Problem>& problems) {
  YamlTree tree;
  const auto refused = [&](int line, int column, std::string text, std::string suggestion) {
    tree.root = nullptr;
    problems.push_back(
        {{source.file, line, column}, Severity::Error, std::move(text), std::move(suggestion)});
  };
  try {
    read_document(source, tree);
  } catch (const Refused& what) {
    refused(what.line, what.column, what.text, what.suggestion);
  } catch (const YAML::Exception& what) {
    refused(what.mark.line + 1,
            what.mark.column + 1,
            "not valid YAML: " + shortened(what.msg, 200),
            {});
  }
  return tree;
}

}  // namespace avrig::spec
