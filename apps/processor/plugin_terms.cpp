// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "plugin_terms.hpp"

#include <avrig/error.hpp>
#include <avrig/pixel_layout.hpp>
#include <avrig/plugin/checks.hpp>
#include <avrig/stage/io.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include <nlohmann/json.hpp>

namespace avrig::processor {
namespace {

using nlohmann::json;

// Sources cut sound into blocks of their own; few are shorter than this.
constexpr std::uint32_t kShortFrame = 128;
constexpr std::uint32_t kUsualFrame = 512;
// What a plug-in may take before it gives anything, where it declares no history.
constexpr std::uint32_t kMostDelayFrames = 256;

std::string text(const char* s) {
  return s == nullptr ? std::string() : std::string(s);
}

std::vector<std::string> split(const char* list) {
  std::vector<std::string> items;
  const std::string_view all = list == nullptr ? "" : list;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t comma = std::min(all.find(',', at), all.size());
    std::string_view item = all.substr(at, comma - at);
    while (!item.empty() && item.front() == ' ') {
      item.remove_prefix(1);
    }
    while (!item.empty() && item.back() == ' ') {
      item.remove_suffix(1);
    }
    if (!item.empty()) {
      items.emplace_back(item);
    }
    at = comma + 1;
  }
  return items;
}

std::vector<std::uint32_t> split_numbers(const char* list) {
  std::vector<std::uint32_t> numbers;
  for (const std::string& item : split(list)) {
    std::uint32_t number = 0;
    const auto seen = std::from_chars(item.data(), item.data() + item.size(), number);
    if (seen.ec == std::errc{}) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

std::string canonical(const json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_array()) {
    std::string list;
    for (const json& item : value) {
      list += (list.empty() ? "" : ",") + canonical(item);
    }
    return list;
  }
  return value.dump();
}

stage::Acceptance acceptance_of(const avrig_port& port) {
  stage::Acceptance out;
  out.media = port.media;
  out.pixel_formats = split(port.pixel_formats);
  out.sample_rates_hz = split_numbers(port.sample_rates);
  out.channels = split_numbers(port.channels);
  return out;
}

void place_entries(std::vector<PortTerms>& ports, const avrig_port* described, std::uint32_t& all) {
  all = 0;
  for (std::uint32_t p = 0; p < ports.size(); ++p) {
    const avrig_port& port = plugin::port_at(described, p);
    const std::uint32_t media = ports[p].connected ? ports[p].format.media : port.media;
    ports[p].first_entry = all;
    ports[p].entries = media == AVRIG_MEDIA_AUDIO ? 1 : std::max(1U, port.block);
    all += ports[p].entries;
  }
  if (all > AVRIG_MAX_CALL_FRAMES) {
    throw Error(ErrorCode::Open,
                "the plug-in wants " + std::to_string(all) + " frames a call; the most is " +
                    std::to_string(int{AVRIG_MAX_CALL_FRAMES}));
  }
}

// Formats come for the connected inputs alone, in the order of ports; optional ones may be missing.
void connect(Terms& terms, const avrig_traits& traits, std::span<const avrig_format> inputs) {
  std::size_t next = 0;
  for (std::uint32_t p = 0; p < terms.inputs.size(); ++p) {
    const avrig_port& port = plugin::port_at(traits.inputs, p);
    const std::size_t ports_left = terms.inputs.size() - p;
    const std::size_t formats_left = inputs.size() - next;
    const bool fits =
        formats_left > 0 && (port.media == AVRIG_MEDIA_NONE || port.media == inputs[next].media);
    const bool optional = (port.flags & AVRIG_PORT_OPTIONAL) != 0;
    terms.inputs[p].connected = fits && (!optional || formats_left <= ports_left);
    if (!terms.inputs[p].connected) {
      continue;
    }
    terms.inputs[p].ring_format = inputs[next];
    terms.inputs[p].format = inputs[next];
    if (inputs[next].media == AVRIG_MEDIA_AUDIO && port.block > 0) {
      terms.inputs[p].block_samples = port.block;
      terms.inputs[p].format.block_samples = port.block;
    }
    ++next;
  }
  if (next != inputs.size()) {
    throw Error(ErrorCode::Spec, "the plug-in has no port for one of its inputs");
  }
}

template <class T>
bool asked(const std::vector<T>& wish, const T& value) {
  return wish.empty() || std::find(wish.begin(), wish.end(), value) != wish.end();
}

// What the graph asks of a reader's output. A processor's follows its input, or what it says
// itself: most do not look whether the two differ.
void apply_wish(avrig_format& format, const stage::Wish& wish) {
  if (format.media == AVRIG_MEDIA_VIDEO) {
    if (!asked(wish.pixel_formats, std::string(format.pixel_format))) {
      std::memset(format.pixel_format, 0, sizeof format.pixel_format);
      std::strncpy(
          format.pixel_format, wish.pixel_formats.front().c_str(), sizeof format.pixel_format - 1);
    }
  } else if (format.media == AVRIG_MEDIA_AUDIO) {
    if (!asked(wish.sample_rates_hz, format.sample_rate_hz)) {
      format.sample_rate_hz = wish.sample_rates_hz.front();
    }
    if (!asked(wish.channels, format.channels)) {
      format.channels = wish.channels.front();
      format.channel_mask = 0;
    }
  }
}

std::vector<avrig_format> preset_outputs(const Terms& terms,
                                         const avrig_traits& traits,
                                         std::span<const stage::Wish> wishes) {
  std::vector<avrig_format> outputs(terms.outputs.size());
  for (std::uint32_t p = 0; p < outputs.size(); ++p) {
    const std::uint32_t media = plugin::port_at(traits.outputs, p).media;
    const auto source =
        std::find_if(terms.inputs.begin(), terms.inputs.end(), [&](const PortTerms& input) {
          return input.connected && input.format.media == media;
        });
    outputs[p] = source == terms.inputs.end() ? avrig_format{} : source->format;
    outputs[p].media = media;
    outputs[p].struct_size = sizeof(avrig_format);
    if (source == terms.inputs.end() && p < wishes.size()) {
      apply_wish(outputs[p], wishes[p]);
    }
  }
  return outputs;
}

std::uint32_t blocks_of(std::uint64_t samples, std::uint32_t each) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>((samples + each - 1) / each, 1U << 20));
}

// Frames of the ring that bring the plug-in back into its state.
std::uint32_t history_frames(const Terms& terms, const PortTerms& port) {
  if (port.format.media != AVRIG_MEDIA_AUDIO) {
    return terms.history * port.entries;
  }
  const std::uint32_t usual = std::clamp(port.ring_format.block_samples, 1U, kUsualFrame);
  return blocks_of(std::uint64_t{terms.history} * port.format.block_samples, usual);
}

// Frames that may be in the host's or the plug-in's hand before anything comes of them.
std::uint32_t held_frames(const Terms& terms, const PortTerms& port) {
  if (port.block_samples > 0) {
    const std::uint32_t least = std::clamp(port.ring_format.block_samples, 1U, kShortFrame);
    return blocks_of(port.block_samples, least) + 2;
  }
  std::uint32_t delayed = 0;
  const avrig_format& format = port.ring_format;
  if (format.media == AVRIG_MEDIA_AUDIO && format.sample_rate_hz > 0 && terms.delay_ns > 0) {
    const auto samples =
        static_cast<std::uint64_t>(terms.delay_ns) * format.sample_rate_hz / 1'000'000'000U;
    delayed = blocks_of(samples, std::clamp(format.block_samples, 1U, kUsualFrame)) + 1;
  } else if (format.frame_rate_den > 0 && terms.delay_ns > 0) {
    delayed = static_cast<std::uint32_t>(terms.delay_ns / 1'000'000 * format.frame_rate_num /
                                         format.frame_rate_den / 1000) +
              1;
  }
  return port.entries + 1 + std::min(delayed, kMostDelayFrames);
}

std::uint64_t undo_bytes(const Terms& terms, const avrig_format& format) {
  if (format.media == AVRIG_MEDIA_AUDIO) {
    return std::uint64_t{4} * format.channels * format.block_samples;
  }
  const auto layout = find_pixel_layout(format.pixel_format);
  if (!layout || terms.undo[2] == 0) {
    return stage::frame_bytes(format);
  }
  std::uint64_t bytes = 0;
  for (std::uint32_t plane = 0; plane < layout->planes; ++plane) {
    // One pixel more each way: subsampled planes round outwards.
    bytes += std::uint64_t{layout->row_bytes(terms.undo[2] + 2, plane)} *
             layout->rows(terms.undo[3] + 2, plane);
  }
  return bytes;
}

stage::Configured answer_of(const Terms& terms) {
  stage::Configured out;
  for (const PortTerms& port : terms.outputs) {
    out.outputs.push_back(port.format);
    out.frame_bytes.push_back(stage::frame_bytes(port.format));
    out.own_buffers.push_back(terms.keep_outputs + port.entries - 1);
    out.keeps_reading.push_back(terms.keep_outputs > 0);
  }
  for (const PortTerms& port : terms.inputs) {
    if (port.connected) {
      out.history.push_back(history_frames(terms, port));
      out.holds.push_back(held_frames(terms, port));
    }
  }
  if (terms.work == AVRIG_EDITOR) {
    out.outputs.assign(1, terms.inputs.front().ring_format);
    out.frame_bytes.assign(1, 0);
    out.own_buffers.clear();
    out.keeps_reading.clear();
    out.history.assign(1, 0);
    out.holds.assign(1, 1);
    if (terms.heal == AVRIG_HEAL_UNDO) {
      out.undo_bytes = undo_bytes(terms, terms.inputs.front().ring_format);
    }
  }
  out.delay_ns = terms.delay_ns;
  return out;
}

// One list for input and output is what a plug-in writes that gives what it gets: it offers no
// choice, and what is asked of its output is asked of whatever stands before it.
void pass_on(stage::Acceptance& offers, const stage::Acceptance& accepts) {
  if (offers.pixel_formats == accepts.pixel_formats) {
    offers.pixel_formats.clear();
  }
  if (offers.sample_rates_hz == accepts.sample_rates_hz) {
    offers.sample_rates_hz.clear();
  }
  if (offers.channels == accepts.channels) {
    offers.channels.clear();
  }
}

}  // namespace

std::uint32_t role_of(const std::string& word) noexcept {
  return word == "read" ? AVRIG_READER : word == "write" ? AVRIG_WRITER : AVRIG_PROCESSOR;
}

std::vector<stage::ParameterDescription> published_parameters(const avrig_component& component) {
  std::vector<stage::ParameterDescription> out;
  for (std::uint32_t i = 0; i < component.parameter_count; ++i) {
    const avrig_parameter& from = plugin::parameter_at(component, i);
    stage::ParameterDescription to;
    to.name = text(from.name);
    to.type = text(from.type);
    to.unit = text(from.unit);
    to.default_text = text(from.default_value);
    to.minimum = text(from.minimum);
    to.maximum = text(from.maximum);
    to.doc = text(from.doc);
    to.choices = split(from.choices);
    to.live = (from.flags & AVRIG_PARAMETER_LIVE) != 0;
    to.required = (from.flags & AVRIG_PARAMETER_REQUIRED) != 0;
    out.push_back(std::move(to));
  }
  return out;
}

std::vector<plugin::Setting> settings_from(const std::string& parameters) {
  std::vector<plugin::Setting> settings;
  const json values = parameters.empty() ? json::object() : json::parse(parameters);
  for (const auto& [name, value] : values.items()) {
    settings.push_back({name, canonical(value)});
  }
  return settings;
}

stage::Description description_of(const avrig_traits& traits, const avrig_component& component) {
  stage::Description out;
  out.work = traits.work == AVRIG_EDITOR   ? stage::Work::Editor
             : traits.work == AVRIG_LOOKER ? stage::Work::Looker
                                           : stage::Work::Maker;
  if (component.role == AVRIG_WRITER) {
    out.work = stage::Work::Looker;
  } else if (component.role == AVRIG_READER || traits.output_count > 0) {
    out.work = out.work == stage::Work::Editor ? out.work : stage::Work::Maker;
  }
  out.heal = traits.heal == AVRIG_HEAL_UNDO ? stage::Heal::Undo : stage::Heal::Rerun;
  out.live = (traits.flags & AVRIG_TRAIT_LIVE) != 0;
  for (std::uint32_t p = 0; p < traits.input_count; ++p) {
    const avrig_port& from = plugin::port_at(traits.inputs, p);
    stage::InputPort to;
    to.name = text(from.name);
    to.accepts = acceptance_of(from);
    to.optional = (from.flags & AVRIG_PORT_OPTIONAL) != 0;
    to.presents = (traits.flags & AVRIG_TRAIT_PRESENTS) != 0;
    out.inputs.push_back(std::move(to));
  }
  for (std::uint32_t p = 0; p < traits.output_count; ++p) {
    const avrig_port& from = plugin::port_at(traits.outputs, p);
    stage::OutputPort to;
    to.name = text(from.name);
    to.offers = acceptance_of(from);
    const auto source = std::find_if(out.inputs.begin(), out.inputs.end(), [&](const auto& input) {
      return input.accepts.media == to.offers.media;
    });
    if (source != out.inputs.end()) {
      pass_on(to.offers, source->accepts);
    }
    out.outputs.push_back(std::move(to));
  }
  out.parameters = published_parameters(component);
  return out;
}

Terms terms_of(const avrig_traits& traits,
               const avrig_component& component,
               const stage::Request& request) {
  Terms terms;
  terms.role = component.role;
  terms.work = traits.work;
  terms.heal = traits.heal;
  // "any" is also what a file says that says nothing: then the plug-in's own word holds.
  terms.trigger = request.trigger == "all"      ? std::uint32_t{AVRIG_TRIGGER_ALL}
                  : request.trigger == "paired" ? std::uint32_t{AVRIG_TRIGGER_PAIRED}
                                                : traits.trigger;
  terms.tolerance_ns = request.trigger == "paired" ? request.tolerance_ns : traits.tolerance_ns;
  terms.live = (traits.flags & AVRIG_TRAIT_LIVE) != 0;
  terms.presents = (traits.flags & AVRIG_TRAIT_PRESENTS) != 0;
  for (std::uint32_t p = 0; p < traits.input_count; ++p) {
    terms.inputs.emplace_back().name = text(plugin::port_at(traits.inputs, p).name);
  }
  for (std::uint32_t p = 0; p < traits.output_count; ++p) {
    terms.outputs.emplace_back().name = text(plugin::port_at(traits.outputs, p).name);
  }
  return terms;
}

stage::Configured settle(Terms& terms,
                         const avrig_traits& traits,
                         plugin::PluginInstance& instance,
                         std::span<const avrig_format> inputs,
                         std::span<const stage::Wish> wishes) {
  connect(terms, traits, inputs);
  std::vector<const avrig_format*> by_port;
  for (const PortTerms& port : terms.inputs) {
    by_port.push_back(port.connected ? &port.format : nullptr);
  }
  std::vector<avrig_format> outputs = preset_outputs(terms, traits, wishes);
  const avrig_configuration& settled = instance.configure(by_port, outputs);
  terms.delay_ns = plugin::total_delay_ns(settled);
  terms.remembers_all = settled.history == UINT32_MAX;
  terms.history = terms.remembers_all ? 0 : settled.history;
  terms.keep_outputs = settled.keep_outputs;
  terms.undo = {settled.undo_x, settled.undo_y, settled.undo_width, settled.undo_height};
  for (std::uint32_t p = 0; p < outputs.size(); ++p) {
    terms.outputs[p].connected = true;
    terms.outputs[p].format = outputs[p];
    terms.outputs[p].ring_format = outputs[p];
  }
  place_entries(terms.inputs, traits.inputs, terms.input_entries);
  place_entries(terms.outputs, traits.outputs, terms.output_entries);
  return answer_of(terms);
}

bool same_frames(const avrig_format& a, const avrig_format& b) noexcept {
  if (a.media != b.media) {
    return false;
  }
  switch (a.media) {
    case AVRIG_MEDIA_AUDIO:
      return a.sample_rate_hz == b.sample_rate_hz && a.channels == b.channels &&
             a.block_samples <= b.block_samples;
    case AVRIG_MEDIA_VIDEO:
      return a.width == b.width && a.height == b.height &&
             std::strncmp(a.pixel_format, b.pixel_format, sizeof a.pixel_format) == 0;
    case AVRIG_MEDIA_FEATURES:
      return a.columns == b.columns && a.max_rows <= b.max_rows;
    default:
      return std::strncmp(a.codec, b.codec, sizeof a.codec) == 0 &&
             a.max_packet_bytes <= b.max_packet_bytes;
  }
}

}  // namespace avrig::processor
