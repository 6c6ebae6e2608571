#pragma once
/// \file
/// `tensor`: a dense row-major array of run-time type and shape, with shared, 64-byte aligned storage.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/core/result.hpp"
#include "dispart/tensor/dtype.hpp"
#include "dispart/tensor/shape.hpp"

namespace dispart {

/// A typed block of memory and its shape. Copies share storage, as views do: `clone()` makes an independent one.
/// A reshape or a hand-over between threads therefore costs no copy.
class tensor {
  public:
    static constexpr std::size_t alignment = 64;

    tensor() = default;

    /// Uninitialised tensor. Precondition: the shape passes `checked_elements`; use `make` for untrusted shapes.
    tensor(dispart::dtype type, dispart::shape dims) : type_(type), shape_(std::move(dims)) {
        storage_ = allocate(size_bytes());
    }

    /// Uninitialised tensor of an untrusted shape. Errors: shape_mismatch (negative, overflow), limit_exceeded (no memory).
    [[nodiscard]] static result<tensor> make(dispart::dtype type, dispart::shape dims) {
        DISPART_TRY(const auto count, checked_elements(dims));
        static_cast<void>(count);
        try {
            return tensor(type, std::move(dims));
        } catch (const std::bad_alloc&) {
            return fail(errc::limit_exceeded, to_string(dims), "not enough memory for a tensor of this shape");
        }
    }

    /// A tensor holding a copy of the values, row-major. Precondition: as many values as the shape has elements.
    template <tensor_element T>
    [[nodiscard]] static tensor of(dispart::shape dims, std::span<const T> values) {
        tensor made(dtype_of<T>, std::move(dims));
        DISPART_EXPECTS(values.size() == made.size());
        if (!values.empty()) std::memcpy(made.bytes().data(), values.data(), values.size_bytes());
        return made;
    }
    template <tensor_element T>
    [[nodiscard]] static tensor of(dispart::shape dims, const std::vector<T>& values) {
        return of(std::move(dims), std::span<const T>(values));
    }

    /// A view of memory that somebody else keeps alive through `owner`.
    [[nodiscard]] static tensor view(dispart::dtype type, dispart::shape dims,
                                     std::shared_ptr<std::byte> owner) {
        tensor made;
        made.type_ = type;
        made.shape_ = std::move(dims);
        made.storage_ = std::move(owner);
        return made;
    }

    /// Becomes such a view; the memory of its shape is used again.
    void look_at(dispart::dtype type, std::span<const std::int64_t> dims, std::shared_ptr<std::byte> owner) {
        type_ = type;
        shape_.assign(dims.begin(), dims.end());
        storage_ = std::move(owner);
    }
    /// Becomes an absent tensor that keeps the memory of its shape.
    void let_go() noexcept { storage_.reset(); }

    [[nodiscard]] dispart::dtype type() const noexcept { return type_; }
    [[nodiscard]] const dispart::shape& dims() const noexcept { return shape_; }
    [[nodiscard]] std::size_t rank() const noexcept { return shape_.size(); }
    /// Number of elements.
    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(elements(shape_)); }
    [[nodiscard]] std::size_t size_bytes() const noexcept { return size() * size_of(type_); }
    /// False for a default-constructed tensor, which stands for an absent optional operand.
    [[nodiscard]] bool has_value() const noexcept { return storage_ != nullptr; }

    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {storage_.get(), size_bytes()}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {storage_.get(), size_bytes()}; }

    /// The elements, row-major. Precondition: T is the element type.
    template <tensor_element T>
    [[nodiscard]] std::span<T> data() {
        DISPART_EXPECTS(type_ == dtype_of<T>);
        return {reinterpret_cast<T*>(storage_.get()), size()};
    }
    template <tensor_element T>
    [[nodiscard]] std::span<const T> data() const {
        DISPART_EXPECTS(type_ == dtype_of<T>);
        return {reinterpret_cast<const T*>(storage_.get()), size()};
    }

    /// The same storage under another shape. Precondition: the same number of elements.
    [[nodiscard]] tensor reshaped(dispart::shape dims) const {
        DISPART_EXPECTS(static_cast<std::size_t>(elements(dims)) == size());
        return view(type_, std::move(dims), storage_);
    }

    /// An independent copy.
    [[nodiscard]] tensor clone() const {
        tensor copy(type_, shape_);
        if (size_bytes() > 0) std::memcpy(copy.storage_.get(), storage_.get(), size_bytes());
        return copy;
    }

    /// True when nobody else refers to the storage, so that it may be overwritten.
    [[nodiscard]] bool unique() const noexcept { return storage_.use_count() == 1; }

  private:
    [[nodiscard]] static std::shared_ptr<std::byte> allocate(std::size_t count) {
        const std::size_t rounded = (count + alignment - 1) / alignment * alignment + alignment;
        auto* memory = static_cast<std::byte*>(::operator new (rounded, std::align_val_t{alignment}));
        return {memory, [](std::byte* p) { ::operator delete (p, std::align_val_t{alignment}); }};
    }

    dispart::dtype type_ = dispart::dtype::f32;
    dispart::shape shape_{};
    std::shared_ptr<std::byte> storage_{};
};

/// Largest |a - b| over two f32 tensors of equal shape; NaN against NaN and equal infinities count 0, other NaN infinite.
/// Precondition: both f32 with equally many elements.
[[nodiscard]] inline double max_abs_difference(const tensor& a, const tensor& b) {
    const auto x = a.data<float>();
    const auto y = b.data<float>();
    DISPART_EXPECTS(x.size() == y.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double p = static_cast<double>(x[i]);
        const double q = static_cast<double>(y[i]);
        const bool both_nan = p != p && q != q;
        if (p == q || both_nan) continue;
        const double gap = p > q ? p - q : q - p;
        if (!(gap <= worst)) worst = gap == gap ? gap : std::numeric_limits<double>::infinity();
    }
    return worst;
}

}  // namespace dispart
