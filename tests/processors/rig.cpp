// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"

#include <avrig/pixel_layout.hpp>

#include <cstring>
#include <dlfcn.h>
#include <stdexcept>

namespace avrig::rig {

namespace {

constexpr std::size_t kAlign = 64;

std::size_t rounded(std::size_t n) {
  return (n + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

Frame::Frame(const avrig_format& format) : format_(format) {
  frame_.struct_size = sizeof(avrig_frame);
  frame_.media = format.media;
  std::size_t total = 0;
  const auto add = [&](std::size_t row_bytes, std::uint32_t rows) {
    avrig_plane& plane = frame_.plane[frame_.planes++];
    plane.stride_bytes = static_cast<std::uint32_t>(rounded(row_bytes));
    plane.rows = rows;
    plane.size_bytes = std::uint64_t{plane.stride_bytes} * rows;
    offsets_.push_back(total);
    total += plane.size_bytes;
  };
  if (format.media == AVRIG_MEDIA_VIDEO) {
    const PixelLayout layout = find_pixel_layout(format.pixel_format).value();
    for (std::uint32_t p = 0; p < layout.planes; ++p) {
      add(layout.row_bytes(format.width, p), layout.rows(format.height, p));
    }
  } else if (format.media == AVRIG_MEDIA_AUDIO) {
    add(format.block_samples * sizeof(float), format.channels);
    frame_.samples = format.block_samples;
  } else {
    add(format.columns * sizeof(float), format.max_rows);
    frame_.samples = format.max_rows;
  }
  memory_.resize(total + kAlign);
  point_planes();
}

Frame::Frame(const Frame& other)
    : format_(other.format_),
      memory_(other.memory_.size()),
      frame_(other.frame_),
      offsets_(other.offsets_) {
  point_planes();
  for (std::uint32_t p = 0; p < frame_.planes; ++p) {
    std::memcpy(frame_.plane[p].data, other.frame_.plane[p].data, frame_.plane[p].size_bytes);
  }
}

void Frame::point_planes() {
  void* start = memory_.data();
  std::size_t space = memory_.size();
  std::align(kAlign, space - kAlign, start, space);
  for (std::uint32_t p = 0; p < frame_.planes; ++p) {
    frame_.plane[p].data = static_cast<std::byte*>(start) + offsets_[p];
  }
}

float* Frame::channel(std::uint32_t c) const {
  void* const at =
      static_cast<std::byte*>(frame_.plane[0].data) + std::size_t{c} * frame_.plane[0].stride_bytes;
  return static_cast<float*>(at);
}

std::uint8_t* Frame::row(std::uint32_t plane, std::uint32_t y) const {
  return static_cast<std::uint8_t*>(frame_.plane[plane].data) +
         std::size_t{y} * frame_.plane[plane].stride_bytes;
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

avrig_format video(const std::string& pixels, std::uint32_t w, std::uint32_t h) {
  avrig_format format{};
  format.struct_size = sizeof format;
  format.media = AVRIG_MEDIA_VIDEO;
  format.width = w;
  format.height = h;
  format.frame_rate_num = 30;
  format.frame_rate_den = 1;
  pixels.copy(format.pixel_format, sizeof format.pixel_format - 1);
  return format;
}

Rig::Rig(const std::string& library, const Settings& settings) {
  const std::string path = std::string(AVRIG_TEST_PROCESSORS) + "/" + library + ".so";
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    throw std::runtime_error(dlerror());
  }
  using Entry = const avrig_plugin_descriptor* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, "avrig_plugin_entry"));
  component_ = entry()->components[0];
  host_.struct_size = sizeof host_;
  host_.flags = AVRIG_HOST_OFFLINE;
  host_.context = this;
  host_.stage_id = "test";
  host_.log = [](void* self, std::uint32_t, const char* text) noexcept {
    static_cast<Rig*>(self)->lines.emplace_back(text);
  };
  host_.set_error = [](void* self, const char* text) noexcept {
    static_cast<Rig*>(self)->error = text;
  };
  host_.now_ns = [](void*) noexcept -> std::int64_t {
    return 0;
  };
  host_.count = [](void* self, const char* name, std::uint64_t n) noexcept {
    static_cast<Rig*>(self)->counters[name] += n;
  };
  Settings all = settings;
  for (std::uint32_t i = 0; i < component_->parameter_count; ++i) {
    const avrig_parameter& parameter = component_->parameters[i];
    if (parameter.default_value != nullptr) {
      all.try_emplace(parameter.name, parameter.default_value);
    }
  }
  std::vector<avrig_setting> list;
  for (const auto& [name, value] : all) {
    list.push_back({sizeof(avrig_setting), 0, name.c_str(), value.c_str()});
  }
  self_ = component_->create(&host_, list.data(), static_cast<std::uint32_t>(list.size()));
  if (self_ == nullptr) {
    throw std::runtime_error(error);
  }
  traits_.struct_size = sizeof traits_;
  check(component_->describe(self_, &traits_));
}

Rig::~Rig() {
  if (self_ != nullptr) {
    component_->destroy(self_);
  }
}

void Rig::check(std::int32_t status) const {
  if (status != AVRIG_OK) {
    throw std::runtime_error(error);
  }
}

void Rig::open(const std::vector<const avrig_format*>& inputs) {
  inputs_.clear();
  std::vector<const avrig_format*> in;
  for (const avrig_format* const format : inputs) {
    inputs_.push_back(format == nullptr ? avrig_format{} : *format);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    in.push_back(inputs[i] == nullptr ? nullptr : &inputs_[i]);
  }
  outputs_.assign(traits_.output_count, avrig_format{});
  std::vector<avrig_format*> out;
  for (std::uint32_t p = 0; p < traits_.output_count; ++p) {
    outputs_[p].struct_size = sizeof(avrig_format);
    outputs_[p].media = traits_.outputs[p].media;
    for (const avrig_format* const format : in) {
      if (format != nullptr && format->media == outputs_[p].media) {
        outputs_[p] = *format;
        break;
      }
    }
    out.push_back(&outputs_[p]);
  }
  configuration_ = {};
  configuration_.struct_size = sizeof configuration_;
  configuration_.input_count = static_cast<std::uint32_t>(in.size());
  configuration_.output_count = traits_.output_count;
  configuration_.max_outputs = 1;
  configuration_.inputs = in.data();
  configuration_.outputs = out.data();
  check(component_->configure(self_, &configuration_));
  check(component_->start(self_));
}

void Rig::preset(avrig_frame& frame, const std::vector<const avrig_frame*>& inputs) const {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) {
      continue;
    }
    const avrig_frame& input = *inputs[i];
    const std::int64_t rate = inputs_[i].sample_rate_hz;
    const std::int64_t delay =
        configuration_.delay_ns +
        (rate == 0 ? 0 : configuration_.delay_samples * 1'000'000'000 / rate);
    frame.capture_ns = input.capture_ns - delay;
    frame.sigma_ns = input.sigma_ns;
    frame.quality = input.quality;
    frame.duration_ns = input.duration_ns;
    if (input.media == AVRIG_MEDIA_AUDIO && frame.media == AVRIG_MEDIA_AUDIO) {
      frame.samples = std::min(frame.samples, input.samples);
    }
    return;
  }
}

std::int32_t Rig::step(bool draining, const std::vector<const avrig_frame*>& inputs, Frames& out) {
  std::int32_t status = AVRIG_AGAIN;
  while (status == AVRIG_AGAIN) {
    auto made = traits_.output_count == 0 ? nullptr : std::make_unique<Frame>(outputs_[0]);
    avrig_frame* entry = made ? made->get() : nullptr;
    if (made) {
      preset(*entry, inputs);
    }
    avrig_call call{};
    call.struct_size = sizeof call;
    call.input_count = draining ? 0 : static_cast<std::uint32_t>(inputs.size());
    call.inputs = inputs.data();
    call.output_count = made ? 1 : 0;
    call.outputs = &entry;
    call.produced = ~std::uint64_t{0};
    status = draining ? component_->drain(self_, &call) : component_->process(self_, &call);
    if ((status == AVRIG_OK || status == AVRIG_AGAIN) && made && (call.produced & 1U) != 0) {
      out.push_back(std::move(made));
    }
  }
  return status;
}

std::int32_t Rig::process(const std::vector<const avrig_frame*>& inputs, Frames& out) {
  return step(false, inputs, out);
}

std::int32_t Rig::edit(Frame& picture) {
  const avrig_frame* const in = picture.get();
  avrig_frame* const out = picture.get();
  avrig_call call{};
  call.struct_size = sizeof call;
  call.input_count = 1;
  call.inputs = &in;
  call.output_count = 1;
  call.outputs = &out;
  call.produced = 1;
  return component_->process(self_, &call);
}

void Rig::drain(Frames& out) {
  if (component_->drain != nullptr) {
    step(true, {}, out);
  }
}

void Rig::stop() {
  if (component_->stop != nullptr) {
    check(component_->stop(self_));
  }
}

void Rig::restart() {
  stop();
  check(component_->start(self_));
}

void Rig::break_stream(std::uint32_t input, std::uint32_t reason) {
  if (component_->discontinuity != nullptr) {
    check(component_->discontinuity(self_, input, reason));
  }
}

void Rig::set(const std::string& name, const std::string& value) {
  check(component_->set_parameter(self_, name.c_str(), value.c_str()));
}

}  // namespace avrig::rig
