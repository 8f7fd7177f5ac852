// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "support.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <doctest/doctest.h>

namespace avrig::graph::test {
namespace {

using Inputs = std::span<const avrig_format>;
using Wishes = std::span<const stage::Wish>;

std::uint64_t bytes(const avrig_format& format) {
  if (format.media == AVRIG_MEDIA_VIDEO) {
    return std::uint64_t{format.width} * format.height * 3 / 2;
  }
  if (format.media == AVRIG_MEDIA_AUDIO) {
    return std::uint64_t{format.channels} * format.block_samples * 4;
  }
  return 256;
}

avrig_format grant(avrig_format format, const stage::Wish& wish) {
  if (format.media == AVRIG_MEDIA_VIDEO && !wish.pixel_formats.empty()) {
    std::memset(format.pixel_format, 0, sizeof format.pixel_format);
    wish.pixel_formats.front().copy(format.pixel_format, sizeof format.pixel_format - 1);
  }
  if (format.media == AVRIG_MEDIA_AUDIO && !wish.sample_rates_hz.empty()) {
    format.sample_rate_hz = wish.sample_rates_hz.front();
  }
  if (format.media == AVRIG_MEDIA_AUDIO && !wish.channels.empty()) {
    format.channels = wish.channels.front();
  }
  return format;
}

stage::Configured answer(const std::vector<avrig_format>& formats) {
  stage::Configured configured;
  for (const avrig_format& format : formats) {
    configured.outputs.push_back(format);
    configured.frame_bytes.push_back(bytes(format));
  }
  return configured;
}

stage::Configured pass_on(Inputs inputs, Wishes) {
  return answer({inputs.front()});
}

stage::Configured put_out(Inputs, Wishes) {
  return {};
}

Fake through(stage::Work work, std::uint32_t media) {
  Fake fake{{}, pass_on};
  fake.description.work = work;
  fake.description.inputs = {input(media)};
  fake.description.outputs = {output(media)};
  return fake;
}

}  // namespace

avrig_format video(const char* pixel_format,
                   std::uint32_t width,
                   std::uint32_t height,
                   std::uint32_t fps) {
  avrig_format format{};
  format.struct_size = sizeof format;
  format.media = AVRIG_MEDIA_VIDEO;
  format.width = width;
  format.height = height;
  format.frame_rate_num = fps;
  format.frame_rate_den = 1;
  std::strncpy(format.pixel_format, pixel_format, sizeof format.pixel_format - 1);
  return format;
}

avrig_format audio(std::uint32_t rate, std::uint32_t channels, std::uint32_t block) {
  avrig_format format{};
  format.struct_size = sizeof format;
  format.media = AVRIG_MEDIA_AUDIO;
  format.sample_rate_hz = rate;
  format.channels = channels;
  format.block_samples = block;
  return format;
}

stage::InputPort input(std::uint32_t media, std::string name) {
  stage::InputPort port;
  port.name = std::move(name);
  port.accepts.media = media;
  return port;
}

stage::OutputPort output(std::uint32_t media, std::string name) {
  stage::OutputPort port;
  port.name = std::move(name);
  port.offers.media = media;
  return port;
}

Fake media_reader() {
  Fake fake;
  fake.description.work = stage::Work::Maker;
  fake.description.outputs = {output(AVRIG_MEDIA_AUDIO, "audio"),
                              output(AVRIG_MEDIA_VIDEO, "video")};
  for (stage::OutputPort& port : fake.description.outputs) {
    port.own_bell = true;
  }
  fake.configure = [](Inputs, Wishes wishes) {
    return answer({grant(audio(), wishes[0]), grant(video(), wishes[1])});
  };
  return fake;
}

Fake source(const avrig_format& format, bool live) {
  Fake fake;
  fake.description.work = stage::Work::Maker;
  fake.description.live = live;
  fake.description.outputs = {output(format.media)};
  fake.configure = [format](Inputs, Wishes wishes) {
    return answer({grant(format, wishes[0])});
  };
  return fake;
}

Fake maker(std::uint32_t media) {
  return through(stage::Work::Maker, media);
}

Fake editor(std::uint32_t media, stage::Heal heal) {
  Fake fake = through(stage::Work::Editor, media);
  fake.description.heal = heal;
  return fake;
}

Fake gate() {
  return through(stage::Work::Gate, AVRIG_MEDIA_NONE);
}

Fake recorder() {
  Fake fake{{}, put_out};
  fake.description.inputs = {input(AVRIG_MEDIA_NONE)};
  fake.description.many_inputs = true;
  return fake;
}

Fake presenter(std::uint32_t media) {
  Fake fake{{}, put_out};
  fake.description.inputs = {input(media)};
  fake.description.inputs.front().presents = true;
  return fake;
}

spec::StageSpec& Rig::add(const std::string& id,
                          spec::Role role,
                          Fake fake,
                          const std::vector<std::string>& in,
                          const std::string& target) {
  spec::StageSpec stage;
  stage.id = id;
  stage.role = role;
  stage.target = target;
  const int line = static_cast<int>(spec.stages.size()) + 1;
  stage.position = stage.target_position = {"rig.yaml", line, 3};
  int column = 10;
  for (const std::string& written : in) {
    spec::InputSpec edge;
    const std::string reference = written.substr(0, written.find(' '));
    const std::size_t slash = reference.find('/');
    edge.stage = reference.substr(0, slash);
    edge.port = slash == std::string::npos ? "" : reference.substr(slash + 1);
    if (written.ends_with(" may_skip")) {
      edge.loss = spec::Loss::MaySkip;
    } else if (written.ends_with(" must")) {
      edge.loss = spec::Loss::Must;
    }
    edge.position = {"rig.yaml", line, column};
    column += 10;
    stage.inputs.push_back(edge);
  }
  fakes[id] = std::move(fake);
  spec.stages.push_back(std::move(stage));
  return spec.stages.back();
}

Descriptions Rig::descriptions() const {
  Descriptions result;
  for (const auto& [id, fake] : fakes) {
    result[id] = fake.description;
  }
  return result;
}

std::vector<spec::Problem> Rig::configure(Graph& graph) const {
  std::vector<spec::Problem> all;
  for (const std::size_t stage : graph.order()) {
    const Fake& fake = fakes.at(graph.model().stages[stage].id);
    const auto inputs = graph.input_formats(stage);
    const auto wishes = graph.wishes_for(stage);
    const auto problems = graph.set_formats(stage, fake.configure(inputs, wishes));
    all.insert(all.end(), problems.begin(), problems.end());
  }
  return all;
}

Graph Rig::configured() const {
  Built built = build();
  REQUIRE_MESSAGE(built.graph.has_value(), text(built.problems));
  const auto problems = configure(*built.graph);
  REQUIRE_MESSAGE(problems.empty(), text(problems));
  return *built.graph;
}

std::vector<spec::Problem> Rig::problems() const {
  Built built = build();
  if (built.graph) {
    const auto further = configure(*built.graph);
    built.problems.insert(built.problems.end(), further.begin(), further.end());
  }
  return built.problems;
}

Rig talking_head() {
  using spec::Role;
  Rig rig;
  rig.spec.name = "talking-head";
  rig.spec.file = "rig.yaml";
  rig.add("clip", Role::Reader, media_reader(), {}, "media");
  rig.add("clean", Role::Processor, maker(AVRIG_MEDIA_AUDIO), {"clip/audio"});
  rig.add("blur", Role::Processor, maker(AVRIG_MEDIA_VIDEO), {"clip/video"});
  rig.add("lips-audio", Role::Sync, gate(), {"clean"}, "lips");
  rig.add("lips-video", Role::Sync, gate(), {"blur"}, "lips");
  rig.add("speakers", Role::Writer, presenter(AVRIG_MEDIA_AUDIO), {"lips-audio"}, "jack");
  rig.add("screen", Role::Writer, presenter(AVRIG_MEDIA_VIDEO), {"lips-video"}, "display");
  rig.add("take", Role::Writer, recorder(), {"lips-audio", "lips-video"}, "media");
  return rig;
}

std::string text(const std::vector<spec::Problem>& problems) {
  std::string result;
  for (const spec::Problem& problem : problems) {
    result += spec::to_string(problem.position) + " " + problem.text;
    result += problem.suggestion.empty() ? "" : " (" + problem.suggestion + ")";
    result += "\n";
  }
  return result;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const Edge& edge(const Graph& graph, const std::string& from, const std::string& stage) {
  for (const Edge& edge : graph.model().edges) {
    if (graph.model().source_name(edge) == from && graph.model().stages[edge.stage].id == stage) {
      return edge;
    }
  }
  throw std::runtime_error("no edge " + from + " -> " + stage);
}

const RingPlan& ring(const Plan& plan, const std::string& label) {
  for (const RingPlan& ring : plan.rings) {
    if (ring.label == label) {
      return ring;
    }
  }
  throw std::runtime_error("no ring " + label);
}

}  // namespace avrig::graph::test
