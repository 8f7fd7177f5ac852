// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "openal_peer.hpp"

#define AL_ALEXT_PROTOTYPES
#include <AL/al.h>
#include <AL/alc.h>
#include <AL/alext.h>
#include <stdexcept>
#include <vector>

namespace avrig::bench {

struct OpenAlPeer::Impl {
  ALCdevice* device = nullptr;
  ALCcontext* context = nullptr;
  LPALCRENDERSAMPLESSOFT render = nullptr;
  std::vector<ALuint> buffers;
  std::vector<ALuint> sources;
};

namespace {

template <class Function>
Function find(const char* name) {
  auto* found = alcGetProcAddress(nullptr, name);
  if (found == nullptr) {
    throw std::runtime_error(std::string("OpenAL has no ") + name);
  }
  return reinterpret_cast<Function>(found);
}

}  // namespace

OpenAlPeer::OpenAlPeer(
    const float* samples, std::size_t length, std::uint32_t voices, float pitch, int resampler)
    : impl_(std::make_unique<Impl>()) {
  const auto open = find<LPALCLOOPBACKOPENDEVICESOFT>("alcLoopbackOpenDeviceSOFT");
  impl_->render = find<LPALCRENDERSAMPLESSOFT>("alcRenderSamplesSOFT");
  impl_->device = open(nullptr);
  const ALCint attributes[] = {ALC_FORMAT_CHANNELS_SOFT,
                               ALC_STEREO_SOFT,
                               ALC_FORMAT_TYPE_SOFT,
                               ALC_FLOAT_SOFT,
                               ALC_FREQUENCY,
                               48000,
                               ALC_HRTF_SOFT,
                               ALC_FALSE,
                               ALC_OUTPUT_LIMITER_SOFT,
                               ALC_FALSE,
                               ALC_MONO_SOURCES,
                               static_cast<ALCint>(voices) + 16,
                               0};
  impl_->context = impl_->device == nullptr ? nullptr : alcCreateContext(impl_->device, attributes);
  if (impl_->context == nullptr || alcMakeContextCurrent(impl_->context) == ALC_FALSE) {
    throw std::runtime_error("cannot open OpenAL's loopback device");
  }
  for (std::uint32_t v = 0; v < voices; ++v) {
    ALuint buffer = 0;
    ALuint source = 0;
    alGenBuffers(1, &buffer);
    alBufferData(buffer,
                 AL_FORMAT_MONO_FLOAT32,
                 samples + v * length,
                 static_cast<ALsizei>(length * sizeof(float)),
                 48000);
    alGenSources(1, &source);
    if (alGetError() != AL_NO_ERROR) {
      break;
    }
    alSourcei(source, AL_BUFFER, static_cast<ALint>(buffer));
    alSourcei(source, AL_LOOPING, AL_TRUE);
    alSourcei(source, AL_SOURCE_RELATIVE, AL_TRUE);
    alSource3f(source, AL_POSITION, static_cast<float>(v % 21) / 10.0F - 1.0F, 0.0F, -1.0F);
    alSourcef(source, AL_ROLLOFF_FACTOR, 0.0F);
    alSourcef(source, AL_GAIN, 0.01F);
    alSourcef(source, AL_PITCH, pitch);
    alSourcei(source, AL_SOURCE_RESAMPLER_SOFT, resampler);
    alSourcei(source, AL_SAMPLE_OFFSET, static_cast<ALint>((v * 7919) % (length - 4096)));
    alSourcePlay(source);
    impl_->buffers.push_back(buffer);
    impl_->sources.push_back(source);
  }
}

OpenAlPeer::~OpenAlPeer() {
  alcMakeContextCurrent(impl_->context);
  alDeleteSources(static_cast<ALsizei>(impl_->sources.size()), impl_->sources.data());
  alDeleteBuffers(static_cast<ALsizei>(impl_->buffers.size()), impl_->buffers.data());
  alcMakeContextCurrent(nullptr);
  alcDestroyContext(impl_->context);
  alcCloseDevice(impl_->device);
}

void OpenAlPeer::render(float* interleaved, std::size_t samples) {
  impl_->render(impl_->device, interleaved, static_cast<ALCsizei>(samples));
}

std::uint32_t OpenAlPeer::voices() const {
  return static_cast<std::uint32_t>(impl_->sources.size());
}

}  // namespace avrig::bench
