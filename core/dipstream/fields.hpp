// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/error.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace avrig::dipstream {

/// A JSON object from outside, read field by field: types and ranges are checked, and what was
/// never asked for is an error, so that a misspelt field is not silently without effect.
class Fields {
 public:
  /// Throws Error(Spec) unless it is an object.
  explicit Fields(const nlohmann::json& object) : object_(&object) {
    if (!object.is_object()) {
      throw Error(ErrorCode::Spec, "a request is a JSON object, such as {\"do\": \"now\"}");
    }
  }

  [[nodiscard]] const nlohmann::json* find(const char* name) {
    seen_.insert(name);
    const auto found = object_->find(name);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
  }
  [[nodiscard]] bool has(const char* name) { return find(name) != nullptr; }

  [[nodiscard]] std::optional<double> number(const char* name) {
    const nlohmann::json* value = find(name);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_number()) {
      refuse(name, "a number");
    }
    return value->get<double>();
  }
  [[nodiscard]] double number(const char* name, double standard) {
    return number(name).value_or(standard);
  }
  [[nodiscard]] std::optional<std::int64_t> whole(const char* name) {
    const nlohmann::json* value = find(name);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_number_integer()) {
      refuse(name, "a whole number");
    }
    if (value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t{INT64_MAX}) {
      refuse(name, "a number that fits 63 bits");
    }
    return value->get<std::int64_t>();
  }
  [[nodiscard]] std::int64_t whole(const char* name,
                                   std::int64_t standard,
                                   std::int64_t least,
                                   std::int64_t most) {
    const std::int64_t value = whole(name).value_or(standard);
    if (value < least || value > most) {
      refuse(name,
             ("a number from " + std::to_string(least) + " to " + std::to_string(most)).c_str());
    }
    return value;
  }
  [[nodiscard]] std::string text(const char* name, const char* standard = "") {
    const nlohmann::json* value = find(name);
    if (value == nullptr) {
      return standard;
    }
    if (!value->is_string()) {
      refuse(name, "a text");
    }
    return value->get<std::string>();
  }
  [[nodiscard]] bool flag(const char* name, bool standard = false) {
    const nlohmann::json* value = find(name);
    if (value == nullptr) {
      return standard;
    }
    if (!value->is_boolean()) {
      refuse(name, "true or false");
    }
    return value->get<bool>();
  }
  /// The place of a text among `choices`; 0 where it is not given.
  [[nodiscard]] std::size_t choice(const char* name, const std::vector<std::string>& choices) {
    if (!has(name)) {
      return 0;
    }
    const std::string value = text(name);
    std::string all;
    for (std::size_t index = 0; index < choices.size(); ++index) {
      if (choices[index] == value) {
        return index;
      }
      all += (index == 0 ? "" : ", ") + choices[index];
    }
    refuse(name, ("one of " + all).c_str());
  }

  /// Call last: names what nobody asked for.
  void finish() const {
    for (const auto& [name, value] : object_->items()) {
      if (seen_.count(name) == 0) {
        std::string known;
        for (const std::string& one : seen_) {
          known += (known.empty() ? "" : ", ") + one;
        }
        throw Error(ErrorCode::Spec, "unknown field '" + name + "'; there are: " + known);
      }
    }
  }

  [[noreturn]] void refuse(const char* name, const char* wanted) const {
    const auto found = object_->find(name);
    std::string got = found == object_->end() ? std::string("nothing") : found->dump();
    if (got.size() > 60) {
      got = got.substr(0, 57) + "...";
    }
    throw Error(ErrorCode::Spec, std::string("'") + name + "' must be " + wanted + ", not " + got);
  }

 private:
  const nlohmann::json* object_;
  std::set<std::string> seen_{"id", "do"};
};

}  // namespace avrig::dipstream
