#pragma once
/// \file
/// How values become bytes: a writer and a reader that walk over the same list of fields.
///
/// A message is a struct with a static member template `fields(archive, message)` that passes its members to the
/// archive in order; one list serves both directions. Everything is little-endian and packed; the reader checks each
/// length, count and enumerator before it uses it.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "dispart/core/result.hpp"

namespace dispart {

static_assert(std::endian::native == std::endian::little, "dispart's wire format is little-endian");

/// Longest text in a message, in bytes; the writer cuts what is longer.
inline constexpr std::size_t max_text = 4096;

/// An enumeration that may travel: `wire_last(E{})`, found by argument-dependent lookup, is its last enumerator, and all
/// from 0 to that are valid.
template <class E>
concept wire_enum = std::is_enum_v<E> && requires(E e) {
    { wire_last(e) } -> std::same_as<E>;
};

[[nodiscard]] constexpr errc wire_last(errc) noexcept { return errc::cancelled; }

/// Appends values to a vector of bytes.
class wire_writer {
  public:
    explicit wire_writer(std::vector<std::byte>& out) : out_(&out) {}

    template <class... Values>
    void operator()(const Values&... values) {
        (write(values), ...);
    }

  private:
    void raw(const void* from, std::size_t size) {
        const auto* first = static_cast<const std::byte*>(from);
        out_->insert(out_->end(), first, first + size);
    }

    template <class T>
    void write(const T& value) {
        if constexpr (wire_enum<T>) {
            write(static_cast<std::underlying_type_t<T>>(value));
        } else if constexpr (std::integral<T>) {
            raw(&value, sizeof value);
        } else {
            T::fields(*this, value);
        }
    }
    void write(const std::string& text) {
        const auto size = static_cast<std::uint32_t>(text.size() < max_text ? text.size() : max_text);
        write(size);
        raw(text.data(), size);
    }
    template <class T>
    void write(const std::vector<T>& items) {
        write(static_cast<std::uint32_t>(items.size()));
        for (const T& item : items) write(item);
    }

    std::vector<std::byte>* out_;
};

/// Takes values out of bytes that may be anything. After the first value that is not there or not valid it goes on
/// without reading, and `error()` says what was wrong.
class wire_reader {
  public:
    explicit wire_reader(std::span<const std::byte> in) : in_(in) {}

    template <class... Values>
    void operator()(Values&... values) {
        (read(values), ...);
    }

    [[nodiscard]] bool ok() const noexcept { return problem_.empty(); }
    [[nodiscard]] std::size_t position() const noexcept { return at_; }
    [[nodiscard]] std::size_t remaining() const noexcept { return in_.size() - at_; }
    /// The first thing that was wrong, or an empty text.
    [[nodiscard]] std::string_view problem() const noexcept { return problem_; }
    /// Records a fault that the caller found; the first one stays.
    void reject(std::string_view problem) {
        if (ok()) problem_ = problem;
    }

  private:
    bool raw(void* to, std::size_t size) {
        if (size > remaining()) reject("it is truncated");
        if (!ok()) return false;
        if (size > 0) std::memcpy(to, in_.data() + at_, size);
        at_ += size;
        return true;
    }

    template <class T>
    void read(T& value) {
        if constexpr (wire_enum<T>) {
            std::underlying_type_t<T> number{};
            read(number);
            if (number > static_cast<std::underlying_type_t<T>>(wire_last(T{})) || number < 0)
                return reject("an enumerator is unknown");
            value = static_cast<T>(number);
        } else if constexpr (std::same_as<T, bool>) {
            std::uint8_t number = 0;
            read(number);
            if (number > 1) return reject("a flag is neither 0 nor 1");
            value = number == 1;
        } else if constexpr (std::integral<T>) {
            T number{};
            if (raw(&number, sizeof number)) value = number;
        } else {
            T::fields(*this, value);
        }
    }
    void read(std::string& text) {
        std::uint32_t size = 0;
        read(size);
        if (size > max_text) return reject("a text is too long");
        if (size > remaining()) return reject("it is truncated");
        text.resize(size);
        raw(text.data(), size);
    }
    template <class T>
    void read(std::vector<T>& items) {
        std::uint32_t count = 0;
        read(count);
        if (count > remaining()) return reject("a count is larger than what follows");
        if (items.size() > count)
            items.erase(items.begin() + count, items.end());  // the others' memory is used again
        for (std::uint32_t i = 0; i < count && ok(); ++i)
            read(i < items.size() ? items[i] : items.emplace_back());
    }

    std::span<const std::byte> in_;
    std::size_t at_ = 0;
    std::string problem_{};
};

/// The bytes of a message.
template <class Message>
[[nodiscard]] std::vector<std::byte> encode(const Message& message) {
    std::vector<std::byte> out;
    wire_writer writer(out);
    Message::fields(writer, message);
    return out;
}

/// The message in exactly these bytes. Errors: protocol_error, naming the message, for any others. Never allocates more
/// than a small multiple of the input's size.
template <class Message>
[[nodiscard]] result<Message> decode(std::span<const std::byte> in) {
    Message message{};
    wire_reader reader(in);
    Message::fields(reader, message);
    if (reader.ok() && reader.remaining() > 0) reader.reject("bytes follow its end");
    if (!reader.ok())
        return fail(errc::protocol_error, std::string(to_string(Message::kind)),
                    std::string(reader.problem()) + " (byte " + std::to_string(reader.position()) + " of " +
                        std::to_string(in.size()) + ")");
    return message;
}

}  // namespace dispart
