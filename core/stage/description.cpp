// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/stage/description.hpp>

#include <algorithm>
#include <cstring>

#include <nlohmann/json.hpp>

namespace avrig::stage {
namespace {

using nlohmann::json;

template <class T>
void get(const json& from, const char* key, T& value) {
  if (const auto found = from.find(key); found != from.end()) {
    found->get_to(value);
  }
}

template <std::size_t N>
void copy_text(const json& from, const char* key, char (&to)[N]) {
  std::string text;
  get(from, key, text);
  const std::size_t length = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), length);
  to[length] = '\0';
}

}  // namespace

ParameterDescription parameter(std::string name,
                               std::string type,
                               std::string standard,
                               std::string doc) {
  ParameterDescription out;
  out.name = std::move(name);
  out.type = std::move(type);
  out.default_text = std::move(standard);
  out.doc = std::move(doc);
  return out;
}

void to_json(json& out, const Acceptance& value) {
  out = {{"media", value.media},
         {"pixel_formats", value.pixel_formats},
         {"sample_rates_hz", value.sample_rates_hz},
         {"channels", value.channels}};
}
void from_json(const json& in, Acceptance& value) {
  get(in, "media", value.media);
  get(in, "pixel_formats", value.pixel_formats);
  get(in, "sample_rates_hz", value.sample_rates_hz);
  get(in, "channels", value.channels);
}

static void to_json(json& out, const InputPort& value) {
  out = {{"name", value.name},
         {"accepts", value.accepts},
         {"history", value.history},
         {"holds", value.holds},
         {"optional", value.optional},
         {"presents", value.presents}};
}
static void from_json(const json& in, InputPort& value) {
  get(in, "name", value.name);
  get(in, "accepts", value.accepts);
  get(in, "history", value.history);
  get(in, "holds", value.holds);
  get(in, "optional", value.optional);
  get(in, "presents", value.presents);
}

static void to_json(json& out, const OutputPort& value) {
  out = {{"name", value.name},
         {"offers", value.offers},
         {"own_buffers", value.own_buffers},
         {"own_bell", value.own_bell}};
}
static void from_json(const json& in, OutputPort& value) {
  get(in, "name", value.name);
  get(in, "offers", value.offers);
  get(in, "own_buffers", value.own_buffers);
  get(in, "own_bell", value.own_bell);
}

void to_json(json& out, const ParameterDescription& value) {
  out = {{"name", value.name},
         {"type", value.type},
         {"unit", value.unit},
         {"default", value.default_text},
         {"minimum", value.minimum},
         {"maximum", value.maximum},
         {"doc", value.doc},
         {"choices", value.choices},
         {"live", value.live},
         {"required", value.required}};
}
void from_json(const json& in, ParameterDescription& value) {
  get(in, "name", value.name);
  get(in, "type", value.type);
  get(in, "unit", value.unit);
  get(in, "default", value.default_text);
  get(in, "minimum", value.minimum);
  get(in, "maximum", value.maximum);
  get(in, "doc", value.doc);
  get(in, "choices", value.choices);
  get(in, "live", value.live);
  get(in, "required", value.required);
}

void to_json(json& out, const Description& value) {
  out = {{"work", value.work},
         {"heal", value.heal},
         {"live", value.live},
         {"many_inputs", value.many_inputs},
         {"inputs", value.inputs},
         {"outputs", value.outputs},
         {"parameters", value.parameters},
         {"duration_ns", value.duration_ns}};
}
void from_json(const json& in, Description& value) {
  get(in, "work", value.work);
  get(in, "heal", value.heal);
  get(in, "live", value.live);
  get(in, "many_inputs", value.many_inputs);
  get(in, "inputs", value.inputs);
  get(in, "outputs", value.outputs);
  get(in, "parameters", value.parameters);
  get(in, "duration_ns", value.duration_ns);
}

void to_json(json& out, const Configured& value) {
  json formats = json::array();
  for (const avrig_format& format : value.outputs) {
    formats.push_back(format_to_json(format));
  }
  out = {{"outputs", formats},
         {"frame_bytes", value.frame_bytes},
         {"history", value.history},
         {"holds", value.holds},
         {"own_buffers", value.own_buffers},
         {"keeps_reading", value.keeps_reading},
         {"undo_bytes", value.undo_bytes},
         {"delay_ns", value.delay_ns}};
}
void from_json(const json& in, Configured& value) {
  value.outputs.clear();
  for (const json& format : in.at("outputs")) {
    value.outputs.push_back(format_from_json(format));
  }
  get(in, "frame_bytes", value.frame_bytes);
  get(in, "history", value.history);
  get(in, "holds", value.holds);
  get(in, "own_buffers", value.own_buffers);
  get(in, "keeps_reading", value.keeps_reading);
  get(in, "undo_bytes", value.undo_bytes);
  get(in, "delay_ns", value.delay_ns);
}

json format_to_json(const avrig_format& format) {
  return {{"media", format.media},
          {"sample_rate_hz", format.sample_rate_hz},
          {"channels", format.channels},
          {"block_samples", format.block_samples},
          {"columns", format.columns},
          {"channel_mask", format.channel_mask},
          {"width", format.width},
          {"height", format.height},
          {"pixel_format", std::string(format.pixel_format)},
          {"frame_rate_num", format.frame_rate_num},
          {"frame_rate_den", format.frame_rate_den},
          {"sample_aspect_num", format.sample_aspect_num},
          {"sample_aspect_den", format.sample_aspect_den},
          {"color_range", format.color_range},
          {"color_space", format.color_space},
          {"color_primaries", format.color_primaries},
          {"color_transfer", format.color_transfer},
          {"max_rows", format.max_rows},
          {"max_packet_bytes", format.max_packet_bytes},
          {"codec", std::string(format.codec)},
          {"column_names", std::string(format.column_names)}};
}

avrig_format format_from_json(const json& in) {
  avrig_format format{};
  format.struct_size = sizeof format;
  get(in, "media", format.media);
  get(in, "sample_rate_hz", format.sample_rate_hz);
  get(in, "channels", format.channels);
  get(in, "block_samples", format.block_samples);
  get(in, "columns", format.columns);
  get(in, "channel_mask", format.channel_mask);
  get(in, "width", format.width);
  get(in, "height", format.height);
  copy_text(in, "pixel_format", format.pixel_format);
  get(in, "frame_rate_num", format.frame_rate_num);
  get(in, "frame_rate_den", format.frame_rate_den);
  get(in, "sample_aspect_num", format.sample_aspect_num);
  get(in, "sample_aspect_den", format.sample_aspect_den);
  get(in, "color_range", format.color_range);
  get(in, "color_space", format.color_space);
  get(in, "color_primaries", format.color_primaries);
  get(in, "color_transfer", format.color_transfer);
  get(in, "max_rows", format.max_rows);
  get(in, "max_packet_bytes", format.max_packet_bytes);
  copy_text(in, "codec", format.codec);
  copy_text(in, "column_names", format.column_names);
  return format;
}

}  // namespace avrig::stage
