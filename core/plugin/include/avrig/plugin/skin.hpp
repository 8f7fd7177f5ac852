// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// How a class becomes an avrig_component. Included by <avrig/plugin.hpp>; authors need not read
/// it.

#include <avrig/plugin/author.hpp>
#include <avrig/plugin/shape.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <exception>
#include <iterator>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace avrig::plugin::skin {

/// Adds a port named after its medium, with what the class said about all its ports.
template <class T>
void add_port(std::vector<Port>& ports, std::uint32_t media) {
  constexpr std::array<const char*, 5> kNames = {"any", "audio", "video", "features", "packets"};
  const auto before = std::count_if(
      ports.begin(), ports.end(), [media](const Port& port) { return port.media == media; });
  Port port{.media = media, .name = kNames[media]};
  if (before > 0) {
    port.name += "-" + std::to_string(before + 1);
  }
  if (media == AVRIG_MEDIA_AUDIO) {
    port.sample_rates = sample_rates_of<T>();
    port.channels = channels_of<T>();
  } else if (media == AVRIG_MEDIA_VIDEO) {
    port.pixel_formats = pixel_formats_of<T>();
  }
  ports.push_back(std::move(port));
}

/// A class's instance as the host knows it: the object, its host, and its ports as the ABI has
/// them.
template <class T>
class Instance {
  static constexpr Verb kVerb = verb_of<T>();
  using FrameCall = Signature<decltype(frame_call_of<T>())>;
  static_assert(FrameCall::kNoexcept,
                "the frame call (process, edit, look, read, write) must be noexcept");

 public:
  Instance(const avrig_host* host, const Params& params)
      : host_(host), object_(make(Host(host), params)) {}

  void describe(avrig_traits& out) {
    traits_ = derived();
    if constexpr (HasDescribe<T>) {
      object_.describe(traits_);
    }
    publish(traits_.inputs, inputs_);
    publish(traits_.outputs, outputs_);
    out.work = static_cast<std::uint32_t>(traits_.work);
    out.heal = static_cast<std::uint32_t>(traits_.heal);
    out.trigger = static_cast<std::uint32_t>(traits_.trigger);
    out.tolerance_ns = traits_.tolerance_ns;
    out.flags = 0;
    if (traits_.live) {
      out.flags |= AVRIG_TRAIT_LIVE;
    }
    if (traits_.presents) {
      out.flags |= AVRIG_TRAIT_PRESENTS;
    }
    out.input_count = static_cast<std::uint32_t>(inputs_.size());
    out.output_count = static_cast<std::uint32_t>(outputs_.size());
    out.inputs = inputs_.data();
    out.outputs = outputs_.data();
  }

  void configure(avrig_configuration& raw) {
    if constexpr (HasConfigure<T>) {
      Config config(raw);
      object_.configure(config);
    }
    input_formats_.assign(raw.inputs, raw.inputs + raw.input_count);
    output_formats_.assign(raw.outputs, raw.outputs + raw.output_count);
    keep(input_formats_, kept_inputs_);
    keep(output_formats_, kept_outputs_);
    input_entries_ = entries(inputs_, kept_inputs_, input_formats_);
    output_entries_ = entries(outputs_, kept_outputs_, output_formats_);
  }

  std::int32_t process(avrig_call& raw) noexcept {
    Call call(raw, input_entries_, output_entries_);
    return run(frame_call_of<T>(), call);
  }

  std::int32_t drain(avrig_call& raw) noexcept {
    if constexpr (HasDrain<T>) {
      using Drain = Signature<decltype(&T::drain)>;
      static_assert(Drain::kNoexcept, "drain must be noexcept");
      Call call(raw, input_entries_, output_entries_);
      return run(&T::drain, call);
    } else {
      return AVRIG_END;
    }
  }

  [[nodiscard]] T& object() noexcept { return object_; }
  [[nodiscard]] Host host() const noexcept { return host_; }

 private:
  static T make(Host host, const Params& params) {
    if constexpr (std::constructible_from<T, Host, const Params&>) {
      return T(host, params);
    } else if constexpr (std::constructible_from<T, const Params&>) {
      return T(params);
    } else {
      static_assert(std::default_initializable<T>,
                    "a plug-in class is made by (Host, const Params&), (const Params&) or ()");
      return T();
    }
  }

  static Traits derived() {
    Traits traits;
    traits.work = kVerb == Verb::Edit                           ? Work::Editor
                  : kVerb == Verb::Look || kVerb == Verb::Write ? Work::Looker
                                                                : Work::Maker;
    traits.heal = heal_of<T>();
    traits.trigger = trigger_of<T>();
    traits.tolerance_ns = tolerance_of<T>();
    traits.live = live_of<T>();
    traits.presents = presents_of<T>();
    if constexpr (!FrameCall::kTakesCall) {
      derive_ports(traits, static_cast<typename FrameCall::Arguments*>(nullptr));
    }
    for (Port& port : traits.inputs) {
      port.block = port.media == AVRIG_MEDIA_AUDIO ? block_of<T>() : 0;
    }
    return traits;
  }

  template <class... Views>
  static void derive_ports(Traits& traits, std::tuple<Views...>*) {
    (add_port<T>(kIsOutput<Views> ? traits.outputs : traits.inputs, Views::kMedia), ...);
    if constexpr (kVerb == Verb::Edit) {
      static_assert(sizeof...(Views) == 1 && (kIsOutput<Views> && ...),
                    "edit takes one writable view");
      traits.inputs = traits.outputs;
    }
  }

  /// The ports with pointers into traits_, which stays as it is until the next describe.
  static void publish(const std::vector<Port>& ports, std::vector<avrig_port>& out) {
    out.clear();
    for (const Port& port : ports) {
      out.push_back({.struct_size = sizeof(avrig_port),
                     .media = port.media,
                     .name = port.name.c_str(),
                     .pixel_formats = port.pixel_formats.c_str(),
                     .sample_rates = port.sample_rates.c_str(),
                     .channels = port.channels.c_str(),
                     .flags = port.flags,
                     .block = port.block});
    }
  }

  static void keep(const std::vector<const avrig_format*>& formats,
                   std::vector<avrig_format>& kept) {
    kept.clear();
    for (const avrig_format* const format : formats) {
      kept.push_back(format == nullptr ? avrig_format{} : *format);
    }
  }

  /// The format of each entry of a call: a port's, once for each frame it has there.
  static std::vector<const avrig_format*> entries(const std::vector<avrig_port>& ports,
                                                  const std::vector<avrig_format>& formats,
                                                  const std::vector<const avrig_format*>& given) {
    std::vector<const avrig_format*> list;
    for (std::size_t p = 0; p < ports.size() && p < given.size(); ++p) {
      const bool batch = ports[p].media != AVRIG_MEDIA_AUDIO && ports[p].block > 1;
      list.insert(list.end(), batch ? ports[p].block : 1, &formats[p]);
    }
    return list;
  }

  template <class Member>
  std::int32_t run(Member member, Call& call) noexcept {
    using Called = Signature<Member>;
    if constexpr (Called::kTakesCall) {
      return finish<typename Called::Result>([&]() noexcept { return (object_.*member)(call); });
    } else {
      return spread<typename Called::Result>(
          member, call, static_cast<typename Called::Arguments*>(nullptr));
    }
  }

  template <class R, class Member, class... Views>
  std::int32_t spread(Member member, Call& call, std::tuple<Views...>*) noexcept {
    std::uint32_t input = 0;
    std::uint32_t output = 0;
    // Braces keep the order of evaluation, and with it the order of the ports.
    const std::tuple<Views...> views{next_view<Views>(call, input, output)...};
    return finish<R>([&]() noexcept { return call_with(member, views); });
  }

  template <class View>
  static View next_view(Call& call, std::uint32_t& input, std::uint32_t& output) noexcept {
    if constexpr (kIsOutput<View>) {
      return call.out<View>(output++);
    } else {
      return call.in<View>(input++);
    }
  }

  template <class Member, class... Views>
  auto call_with(Member member, const std::tuple<Views...>& views) noexcept {
    return std::apply([&](const Views&... each) noexcept { return (object_.*member)(each...); },
                      views);
  }

  template <class R, class F>
  static std::int32_t finish(F&& f) noexcept {
    if constexpr (std::is_void_v<R>) {
      f();
      return AVRIG_OK;
    } else {
      static_assert(std::is_same_v<R, Status>, "frame calls return Status or void");
      return static_cast<std::int32_t>(f());
    }
  }

  Host host_;
  T object_;
  Traits traits_;
  std::vector<avrig_port> inputs_;
  std::vector<avrig_port> outputs_;
  std::vector<const avrig_format*> input_formats_;
  std::vector<const avrig_format*> output_formats_;
  std::vector<avrig_format> kept_inputs_;
  std::vector<avrig_format> kept_outputs_;
  std::vector<const avrig_format*> input_entries_;
  std::vector<const avrig_format*> output_entries_;
};

/// Runs a hook; what it throws becomes the host's error text.
template <class F>
std::int32_t guarded(const avrig_host* host, F&& hook) noexcept {
  try {
    hook();
    return AVRIG_OK;
  } catch (const std::exception& error) {
    host->set_error(host->context, error.what());
  } catch (...) {
    host->set_error(host->context, "an exception that is not a std::exception");
  }
  return AVRIG_ERROR;
}

/// The C calls of a class, and its constant table.
template <class T>
struct Table {
  struct Self {
    const avrig_host* host;
    Instance<T> instance;
    Self(const avrig_host* h, const Params& params) : host(h), instance(h, params) {}
  };
  static Self& self_of(void* self) noexcept { return *static_cast<Self*>(self); }

  static void* create(const avrig_host* host,
                      const avrig_setting* settings,
                      std::uint32_t count) noexcept {
    Self* made = nullptr;
    guarded(host, [&] { made = new Self(host, Params(settings, count)); });
    return made;
  }
  static std::int32_t describe(void* self, avrig_traits* traits) noexcept {
    return guarded(self_of(self).host, [&] { self_of(self).instance.describe(*traits); });
  }
  static std::int32_t configure(void* self, avrig_configuration* configuration) noexcept {
    return guarded(self_of(self).host, [&] { self_of(self).instance.configure(*configuration); });
  }
  static std::int32_t start(void* self) noexcept {
    return guarded(self_of(self).host, [&] {
      if constexpr (HasStart<T>) {
        self_of(self).instance.object().start();
      }
    });
  }
  static std::int32_t process(void* self, avrig_call* call) noexcept {
    return self_of(self).instance.process(*call);
  }
  static std::int32_t drain(void* self, avrig_call* call) noexcept {
    return self_of(self).instance.drain(*call);
  }
  static std::int32_t discontinuity(void* self, std::uint32_t input, std::uint32_t why) noexcept {
    return guarded(self_of(self).host, [&] {
      if constexpr (HasDiscontinuity<T>) {
        self_of(self).instance.object().discontinuity(input, why);
      }
    });
  }
  static std::int32_t stop(void* self) noexcept {
    return guarded(self_of(self).host, [&] {
      if constexpr (HasStop<T>) {
        self_of(self).instance.object().stop();
      }
    });
  }
  static std::int32_t set_parameter(void* self, const char* name, const char* value) noexcept {
    return guarded(self_of(self).host, [&] {
      if constexpr (HasSetParam<T>) {
        self_of(self).instance.object().set_param(name, Value(name, value));
      }
    });
  }
  static void destroy(void* self) noexcept { delete static_cast<Self*>(self); }

  static constexpr auto make_parameters() noexcept {
    if constexpr (requires { T::kParameters; }) {
      std::array<avrig_parameter, std::size(T::kParameters)> table{};
      for (std::size_t i = 0; i < table.size(); ++i) {
        const Parameter& p = T::kParameters[i];
        table[i] = {.struct_size = sizeof(avrig_parameter),
                    .flags = p.flags,
                    .name = p.name,
                    .type = p.type,
                    .default_value = p.default_value,
                    .minimum = p.minimum,
                    .maximum = p.maximum,
                    .choices = p.choices,
                    .unit = p.unit,
                    .doc = p.doc};
      }
      return table;
    } else {
      return std::array<avrig_parameter, 0>{};
    }
  }
  static constexpr auto kParameters = make_parameters();
  static_assert(HasSetParam<T> || std::ranges::none_of(kParameters,
                                                       [](const avrig_parameter& parameter) {
                                                         return (parameter.flags & kLiveSettable) !=
                                                                0;
                                                       }),
                "a kLiveSettable parameter needs set_param(std::string_view, const Value&)");

  static constexpr std::uint32_t role() noexcept {
    return verb_of<T>() == Verb::Read    ? AVRIG_READER
           : verb_of<T>() == Verb::Write ? AVRIG_WRITER
                                         : AVRIG_PROCESSOR;
  }

  static constexpr avrig_component kComponent = {
      .struct_size = sizeof(avrig_component),
      .role = role(),
      .name = T::kName,
      .summary = summary_of<T>(),
      .parameters = kParameters.data(),
      .parameter_count = static_cast<std::uint32_t>(kParameters.size()),
      .reserved = 0,
      .create = create,
      .describe = describe,
      .configure = configure,
      .start = start,
      .process = process,
      .drain = HasDrain<T> ? drain : nullptr,
      .discontinuity = HasDiscontinuity<T> ? discontinuity : nullptr,
      .stop = HasStop<T> ? stop : nullptr,
      .set_parameter = HasSetParam<T> ? set_parameter : nullptr,
      .destroy = destroy};
};

}  // namespace avrig::plugin::skin

namespace avrig::plugin {

/// The descriptor of a library with these classes; its version is the first class's kVersion.
template <class First, class... Others>
struct Library {
  static constexpr const avrig_component* kComponents[] = {&skin::Table<First>::kComponent,
                                                           &skin::Table<Others>::kComponent...};
  static constexpr avrig_plugin_descriptor kDescriptor = {
      .struct_size = sizeof(avrig_plugin_descriptor),
      .abi_major = AVRIG_ABI_MAJOR,
      .abi_minor = AVRIG_ABI_MINOR,
      .magic = AVRIG_PLUGIN_MAGIC,
      .component_count = 1 + sizeof...(Others),
      .reserved = 0,
      .components = kComponents,
      .version = skin::version_of<First>()};
};

}  // namespace avrig::plugin
