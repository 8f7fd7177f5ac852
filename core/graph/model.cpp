// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/graph/model.hpp>

#include <cstdio>
#include <cstring>

namespace avrig::graph {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

bool same_text(const char* a, const char* b, std::size_t size) {
  return std::strncmp(a, b, size) == 0;
}

}  // namespace

std::string Model::output_name(std::size_t stage, std::size_t output) const {
  const StageNode& node = stages[stage];
  const auto& ports = node.description.outputs;
  return output < ports.size() ? node.id + "/" + ports[output].name : node.id;
}

const avrig_format* Model::format(std::size_t ring) const {
  const RingNode& node = rings[ring];
  const auto& configured = stages[node.stage].configured;
  if (!configured || node.output >= configured->outputs.size()) {
    return nullptr;
  }
  return &configured->outputs[node.output];
}

std::string describe_format(const avrig_format& format) {
  std::string text;
  switch (format.media) {
    case AVRIG_MEDIA_AUDIO:
      text = std::to_string(format.sample_rate_hz) + " Hz " + std::to_string(format.channels) +
             " ch, blocks of " + std::to_string(format.block_samples);
      break;
    case AVRIG_MEDIA_VIDEO:
      text = std::to_string(format.width) + "x" + std::to_string(format.height) + " " +
             format.pixel_format;
      text += format.frame_rate_num != 0 && format.frame_rate_den != 0
                  ? " " + number(double{1} * format.frame_rate_num / format.frame_rate_den) + " fps"
                  : " variable fps";
      break;
    case AVRIG_MEDIA_FEATURES:
      text = std::to_string(format.columns) + " columns";
      break;
    case AVRIG_MEDIA_PACKETS:
      text = std::string("packets ") + format.codec;
      break;
    default:
      text = "no format";
  }
  return text;
}

bool same_format(const avrig_format& a, const avrig_format& b) {
  if (a.media != b.media) {
    return false;
  }
  switch (a.media) {
    case AVRIG_MEDIA_AUDIO:
      return a.sample_rate_hz == b.sample_rate_hz && a.channels == b.channels &&
             a.block_samples == b.block_samples;
    case AVRIG_MEDIA_VIDEO:
      return a.width == b.width && a.height == b.height &&
             same_text(a.pixel_format, b.pixel_format, sizeof a.pixel_format);
    case AVRIG_MEDIA_FEATURES:
      return a.columns == b.columns && a.max_rows == b.max_rows;
    case AVRIG_MEDIA_PACKETS:
      return a.max_packet_bytes == b.max_packet_bytes &&
             same_text(a.codec, b.codec, sizeof a.codec);
    default:
      return true;
  }
}

}  // namespace avrig::graph
