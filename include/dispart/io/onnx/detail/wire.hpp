#pragma once
/// \file
/// Protobuf fields with their wire types checked, and a position that an error can name.

#include <protozero/pbf_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "dispart/core/result.hpp"

namespace dispart::io::detail {

/// What one parse of a file shares: where it is, and how much it has met.
struct wire_state {
    const char* begin = nullptr;  ///< of the whole file
    const char* at = nullptr;     ///< of the field being read
    std::size_t messages = 0;     ///< met so far
    /// Two bytes of a hostile file can claim a message, which costs some hundred bytes of memory here.
    static constexpr std::size_t most_messages = 4'000'000;
};

/// Thrown by readers below and turned into a `parse_error` by `parsing`.
struct malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

[[nodiscard]] constexpr bool continues_utf8(char byte) noexcept {
    return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
}

/// Length of the UTF-8 sequence that a byte starts; 0 where it starts none.
[[nodiscard]] constexpr std::size_t utf8_length(char first) noexcept {
    const auto byte = static_cast<unsigned char>(first);
    return byte < 0x80 ? 1 : byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0;
}

/// True where all sequences are whole (surrogates and overlong three-byte forms are let through).
[[nodiscard]] constexpr bool is_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text[i]);
        if (length == 0 || length > text.size() - i) return false;
        for (std::size_t k = 1; k < length; ++k)
            if (!continues_utf8(text[i + k])) return false;
        i += length;
    }
    return true;
}

/// Fields of one message, in order: `while (r.next()) switch (r.field()) { ... default: r.skip(); }`.
/// Each field must be consumed once. Throws `malformed` or protozero's exceptions.
class wire_reader {
  public:
    wire_reader(std::string_view message, wire_state& state)
        : reader_(message.data(), message.size())
        , state_(&state) {
        if (++state.messages > wire_state::most_messages) throw malformed("too many messages in one file");
    }

    [[nodiscard]] bool next() {
        state_->at = reader_.data().data();
        return reader_.next();
    }
    [[nodiscard]] std::uint32_t field() const { return reader_.tag(); }
    void skip() { reader_.skip(); }
    /// Skips the field and returns how many bytes its value takes.
    [[nodiscard]] std::size_t skip_counting() {
        const std::size_t before = reader_.length();
        reader_.skip();
        return before - reader_.length();
    }
    [[nodiscard]] wire_state& state() const { return *state_; }

    /// int32, int64, enum, bool.
    [[nodiscard]] std::int64_t integer() {
        expect(protozero::pbf_wire_type::varint);
        return reader_.get_int64();
    }
    [[nodiscard]] float real() {
        expect(protozero::pbf_wire_type::fixed32);
        return reader_.get_float();
    }
    /// A message, or bytes of any content: a view into the file.
    [[nodiscard]] std::string_view bytes() {
        expect(protozero::pbf_wire_type::length_delimited);
        const auto view = reader_.get_view();
        return {view.data(), view.size()};
    }
    /// A name: UTF-8, so that whatever prints it may rely on that.
    [[nodiscard]] std::string_view text() {
        const auto view = bytes();
        if (!is_utf8(view)) throw malformed("a name is not UTF-8");
        return view;
    }

    /// Calls `take(std::int64_t)` for the one value of an unpacked field, or for each value of a packed one.
    template <class Take>
    void integers(Take&& take) {
        if (reader_.wire_type() == protozero::pbf_wire_type::varint) return take(reader_.get_int64());
        const auto view = bytes();
        const char* at = view.data();
        const char* const end = at + view.size();
        while (at != end) take(static_cast<std::int64_t>(protozero::decode_varint(&at, end)));
    }

    /// The bytes of the one value of an unpacked fixed-width field, or of all values of a packed one.
    [[nodiscard]] std::string_view fixed(std::size_t width) {
        const auto single = width == 4 ? protozero::pbf_wire_type::fixed32 : protozero::pbf_wire_type::fixed64;
        if (reader_.wire_type() == single) {
            const char* from = reader_.data().data();
            reader_.skip();
            return {from, width};
        }
        const auto view = bytes();
        if (view.size() % width != 0) throw malformed("a packed list ends within a value");
        return view;
    }

  private:
    void expect(protozero::pbf_wire_type type) const {
        if (reader_.wire_type() != type)
            throw malformed("field " + std::to_string(reader_.tag()) + " has an unexpected wire type");
    }

    protozero::pbf_reader reader_;
    wire_state* state_;
};

[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Runs `parse(state)`, which returns a result, and turns what it throws into errors.
/// Errors: those of `parse`; parse_error with the offset of the field at fault; limit_exceeded where memory is short.
template <class Parse>
[[nodiscard]] auto parsing(std::string_view file, std::string_view what, Parse&& parse)
    -> decltype(parse(std::declval<wire_state&>())) {
    wire_state state{file.data(), file.data()};
    try {
        return parse(state);
    } catch (const std::bad_alloc&) {
        return fail(errc::limit_exceeded, std::string(what), "not enough memory");
    } catch (const std::length_error&) {
        return fail(errc::limit_exceeded, std::string(what), "not enough memory");
    } catch (const std::exception& e) {
        return fail(errc::parse_error, std::string(what),
                    std::string(e.what()) + " in the field at byte " + std::to_string(state.at - state.begin),
                    "the file may be truncated or damaged");
    }
}

}  // namespace dispart::io::detail
