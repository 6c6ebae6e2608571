#pragma once
/// \file
/// TENSORS: what one edge carries for one request. First a table of the tensors, then the elements of each, beginning at
/// a multiple of 64 bytes, so that raw tensors are used where they arrived and are sent from where they lie.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/run/buffer.hpp"
#include "dispart/run/codecs.hpp"
#include "dispart/run/protocol.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart {

[[nodiscard]] constexpr dtype wire_last(dtype) noexcept { return static_cast<dtype>(dtype_count - 1); }

/// The tensors of one edge and one request.
struct tensor_message {
    std::uint64_t request = 0;
    std::uint32_t edge = 0;
    std::vector<tensor> tensors{};
};

/// What a receiver of TENSORS puts up with.
struct tensor_limits {
    std::size_t tensors = 65536;               ///< in one message
    std::size_t rank = 32;                     ///< of a tensor
    std::size_t bytes = std::size_t{1} << 30;  ///< of all its tensors after decoding
};

namespace detail {

struct tensor_entry {
    dtype type = dtype::f32;
    std::string codec{};
    std::vector<std::int64_t> dims{};
    std::uint64_t length = 0;

    static void fields(auto& archive, auto& m) { archive(m.type, m.codec, m.dims, m.length); }
};

struct tensor_table {
    static constexpr message_kind kind = message_kind::tensors;
    std::uint64_t request = 0;
    std::uint32_t edge = 0;
    std::vector<tensor_entry> entries{};

    static void fields(auto& archive, auto& m) { archive(m.request, m.edge, m.entries); }
};

/// The first multiple of the alignment that is not below.
[[nodiscard]] constexpr std::size_t aligned(std::size_t offset) noexcept {
    return (offset + tensor::alignment - 1) / tensor::alignment * tensor::alignment;
}

[[nodiscard]] inline tl::unexpected<error> bad_tensors(std::string problem) {
    return fail(errc::protocol_error, std::string(to_string(message_kind::tensors)), std::move(problem));
}

/// Bytes of a tensor that an entry describes. Errors: protocol_error.
[[nodiscard]] inline result<std::size_t> decoded_size(const tensor_entry& entry, const tensor_limits& limits) {
    if (entry.dims.size() > limits.rank)
        return bad_tensors("a tensor of rank " + std::to_string(entry.dims.size()));
    const auto count = checked_elements(entry.dims);
    if (!count) return bad_tensors(count.error().message + " in a tensor of shape " + count.error().offender);
    const std::size_t size = static_cast<std::size_t>(*count) * size_of(entry.type);
    if (size > limits.bytes)
        return bad_tensors("a tensor of " + std::to_string(size) + " bytes is over the limit");
    return size;
}

/// The tensor whose encoded elements are `length` bytes of the payload from `offset` on.
[[nodiscard]] inline result<void> decode_tensor(const buffer& payload, std::size_t offset,
                                                const tensor_entry& entry, std::size_t size,
                                                const codec_table& codecs, tensor& into) {
    const auto in = payload.bytes().subspan(offset, entry.length);
    if (entry.codec == raw_codec::name() && in.size() != size)
        return bad_tensors(std::to_string(in.size()) + " bytes for a tensor of " + std::to_string(size));
    auto* place = payload.owner().get() + offset;
    if (entry.codec == raw_codec::name() && reinterpret_cast<std::uintptr_t>(place) % tensor::alignment == 0) {
        into.look_at(entry.type, entry.dims, std::shared_ptr<std::byte>(payload.owner(), place));
        return {};
    }
    DISPART_TRY(const auto* codec, codecs.find(entry.codec));
    DISPART_TRY(into, tensor::make(entry.type, entry.dims));
    return codec->decode(in, into);
}

}  // namespace detail

/// Lays out TENSORS messages for a gathering send; one writer serves a stream of messages and reuses its memory.
class tensor_message_writer {
  public:
    /// The buffers of one message; they refer to the tensors and to the writer, and hold until its next call.
    /// Errors: invalid_argument (an absent tensor), what the codec says about one.
    [[nodiscard]] result<std::span<const std::span<const std::byte>>>
    write(std::uint64_t request, std::uint32_t edge, std::span<const tensor> tensors, const any_codec& codec) {
        table_.request = request;
        table_.edge = edge;
        table_.entries.resize(tensors.size());
        encoded_.resize(tensors.size());
        for (std::size_t i = 0; i < tensors.size(); ++i) DISPART_CHECK(encode_one(i, tensors[i], codec));
        lay_out(tensors);
        return std::span<const std::span<const std::byte>>(buffers_);
    }

    /// Bytes of the message that was written last.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    result<void> encode_one(std::size_t i, const tensor& t, const any_codec& codec) {
        if (!t.has_value())
            return fail(errc::invalid_argument, std::to_string(i), "a tensor to be sent is absent");
        detail::tensor_entry& entry = table_.entries[i];
        entry.type = t.type();
        entry.codec = codec.name();
        entry.dims = t.dims();
        entry.length = t.size_bytes();
        if (is_raw(i)) return {};
        encoded_[i].clear();
        DISPART_CHECK(codec.encode(t, encoded_[i]));
        entry.length = encoded_[i].size();
        return {};
    }

    [[nodiscard]] bool is_raw(std::size_t i) const { return table_.entries[i].codec == raw_codec::name(); }

    void lay_out(std::span<const tensor> tensors) {
        static constexpr std::array<std::byte, tensor::alignment> zeros{};
        head_.clear();
        wire_writer archive(head_);
        detail::tensor_table::fields(archive, table_);
        buffers_.assign(1, head_);
        size_ = head_.size();
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            buffers_.push_back(std::span(zeros).first(detail::aligned(size_) - size_));
            buffers_.push_back(is_raw(i) ? tensors[i].bytes() : std::span<const std::byte>(encoded_[i]));
            size_ = detail::aligned(size_) + buffers_.back().size();
        }
    }

    detail::tensor_table table_{};
    std::vector<std::byte> head_{};
    std::vector<std::vector<std::byte>> encoded_{};
    std::vector<std::span<const std::byte>> buffers_{};
    std::size_t size_ = 0;
};

/// Takes TENSORS messages apart; one reader serves a stream of messages and reuses its memory.
class tensor_message_reader {
  public:
    /// The message in a payload of any content. Raw tensors are views of the payload and keep it alive; others are decoded
    /// into memory of their own. Errors: protocol_error (a table that does not fit the payload, a shape that overflows, an
    /// element type that is unknown, a limit exceeded), unsupported (an unknown codec), what the codec says about its bytes.
    /// \param into whose memory is used again; after an error it is of no use
    [[nodiscard]] result<void> read(const buffer& payload, const codec_table& codecs,
                                    const tensor_limits& limits, tensor_message& into) {
        wire_reader reader(payload.bytes());
        detail::tensor_table::fields(reader, table_);
        if (!reader.ok()) return detail::bad_tensors(std::string(reader.problem()));
        if (table_.entries.size() > limits.tensors) return detail::bad_tensors("too many tensors");

        into.request = table_.request;
        into.edge = table_.edge;
        into.tensors.resize(table_.entries.size());
        std::size_t end = reader.position();
        std::size_t total = 0;
        for (std::size_t i = 0; i < table_.entries.size(); ++i) {
            const detail::tensor_entry& entry = table_.entries[i];
            const std::size_t begin = detail::aligned(end);
            if (begin > payload.size() || entry.length > payload.size() - begin)
                return detail::bad_tensors("it is truncated");
            end = begin + entry.length;
            DISPART_TRY(const std::size_t size, detail::decoded_size(entry, limits));
            total += size;
            if (total > limits.bytes) return detail::bad_tensors("its tensors are over the limit together");
            DISPART_CHECK(detail::decode_tensor(payload, begin, entry, size, codecs, into.tensors[i]));
        }
        if (end != payload.size()) return detail::bad_tensors("bytes follow its end");
        return {};
    }

  private:
    detail::tensor_table table_{};
};

/// A single message. Errors: as `tensor_message_reader::read`.
[[nodiscard]] inline result<tensor_message> decode_tensors(const buffer& payload, const codec_table& codecs,
                                                           const tensor_limits& limits = {}) {
    tensor_message message;
    DISPART_CHECK(tensor_message_reader{}.read(payload, codecs, limits, message));
    return message;
}

}  // namespace dispart
