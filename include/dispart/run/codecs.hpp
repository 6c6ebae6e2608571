#pragma once
/// \file
/// Codecs chosen by name at run time: what an edge's codec name stands for.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/tensor/raw_codec.hpp"

namespace dispart {

/// A codec of any type.
class any_codec {
  public:
    template <codec Codec>
        requires(!std::same_as<Codec, any_codec>)
    explicit any_codec(Codec codec)
        : name_(codec.name())
        , error_(codec.max_relative_error())
        , encode_([codec](const tensor& t, std::vector<std::byte>& out) { return codec.encode(t, out); })
        , decode_([codec](std::span<const std::byte> in, tensor& t) { return codec.decode(in, t); }) {}

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] double max_relative_error() const noexcept { return error_; }
    [[nodiscard]] result<void> encode(const tensor& t, std::vector<std::byte>& out) const {
        return encode_(t, out);
    }
    [[nodiscard]] result<void> decode(std::span<const std::byte> in, tensor& t) const {
        return decode_(in, t);
    }

  private:
    std::string name_;
    double error_;
    std::function<result<void>(const tensor&, std::vector<std::byte>&)> encode_;
    std::function<result<void>(std::span<const std::byte>, tensor&)> decode_;
};
static_assert(codec<any_codec>);

/// Codecs by name; `raw` is always among them.
class codec_table {
  public:
    codec_table() { add(raw_codec{}); }

    /// Adds a codec, in the place of one of the same name. Returns itself, so that calls can be chained.
    template <codec Codec>
    codec_table& add(Codec codec) {
        std::erase_if(codecs_, [&](const any_codec& each) { return each.name() == codec.name(); });
        codecs_.emplace_back(std::move(codec));
        return *this;
    }

    /// Errors: unsupported for a name that is not here.
    [[nodiscard]] result<const any_codec*> find(std::string_view name) const {
        for (const any_codec& each : codecs_)
            if (each.name() == name) return &each;
        return fail(errc::unsupported, std::string(name), "no codec of this name is here");
    }

    [[nodiscard]] auto begin() const noexcept { return codecs_.begin(); }
    [[nodiscard]] auto end() const noexcept { return codecs_.end(); }

    /// "codec:raw", ..., as HELLO and WELCOME announce them.
    [[nodiscard]] std::vector<std::string> capabilities() const {
        std::vector<std::string> all;
        for (const any_codec& each : codecs_) all.push_back("codec:" + each.name());
        return all;
    }

  private:
    std::vector<any_codec> codecs_{};
};

}  // namespace dispart
