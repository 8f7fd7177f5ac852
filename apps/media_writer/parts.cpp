// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "parts.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <nlohmann/json.hpp>

namespace avrig::media_writer {
namespace {

using nlohmann::json;

void add(Recorded& to, const media::ReadBackStream& from) {
  if (from.pts_ns.empty()) {
    return;
  }
  to.any = true;
  to.last_ns = std::max(to.last_ns, *std::max_element(from.pts_ns.begin(), from.pts_ns.end()));
  to.end_ns = std::max(to.end_ns, from.end_ns);
  to.samples += from.samples;
}

}  // namespace

std::string Parts::part_path(std::size_t number) const {
  if (number == 0) {
    return target_;
  }
  const std::filesystem::path path(target_);
  std::filesystem::path name = path.stem();
  name += ".part" + std::to_string(number);
  name += path.extension();
  return (path.parent_path() / name).string();
}

std::string Parts::known() const {
  json streams = json::array();
  for (const Recorded& stream : recorded_) {
    streams.push_back({stream.any, stream.last_ns, stream.end_ns, stream.samples});
  }
  return json{{"files", files_.size()}, {"streams", streams}}.dump();
}

void Parts::recall(const std::string& known) {
  const json word = json::parse(known);
  for (std::size_t number = 0; number < word.at("files").get<std::size_t>(); ++number) {
    files_.push_back(part_path(number));
  }
  for (std::size_t stream = 0; stream < recorded_.size(); ++stream) {
    const json& of = word.at("streams").at(stream);
    recorded_[stream] = {of.at(0), of.at(1), of.at(2), of.at(3)};
  }
}

std::size_t Parts::read(std::size_t streams, const std::string& known) {
  recorded_.assign(streams, {});
  files_.clear();
  if (!known.empty()) {
    recall(known);
  }
  const std::size_t first = files_.size();
  for (std::size_t number = first; std::filesystem::exists(part_path(number)); ++number) {
    files_.push_back(part_path(number));
    const media::ReadBack part = media::read_back(files_.back());
    if (!part.readable || part.streams.size() < streams) {
      continue;  // killed before its header was whole: it holds nothing
    }
    for (std::size_t stream = 0; stream < streams; ++stream) {
      add(recorded_[stream], part.streams[stream]);
    }
  }
  return files_.size() - first;
}

bool Parts::nothing_recorded() const noexcept {
  return std::none_of(
      recorded_.begin(), recorded_.end(), [](const Recorded& stream) { return stream.any; });
}

void Parts::remove_all() {
  for (const std::string& file : files_) {
    std::error_code gone_already;
    std::filesystem::remove(file, gone_already);
  }
  files_.clear();
}

std::string Parts::open_next() {
  files_.push_back(part_path(files_.size()));
  return files_.back();
}

std::size_t Parts::join(const std::string& container, bool bitexact) {
  if (files_.size() < 2) {
    return 0;
  }
  media::JoinOptions options;
  options.container = container;
  options.bitexact = bitexact;
  options.remove_parts = true;
  (void)media::join_parts(files_, target_, options);
  return files_.size();
}

}  // namespace avrig::media_writer
