#pragma once
/// \file
/// Operators of several operands that compute each element on its own, with broadcasting: arithmetic, comparison,
/// logic, Where.

#include "dispart/run/kernels/strides.hpp"
#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

namespace detail {

/// One row of a binary operator: operands and result with steps in elements (0: one value for the whole row).
using binary_row = void (*)(const std::byte* a, std::int64_t a_step, const std::byte* b, std::int64_t b_step,
                            std::byte* out, std::int64_t count);

template <class A, class B, class R, class F>
void run_binary_row(const std::byte* a_bytes, std::int64_t a_step, const std::byte* b_bytes,
                    std::int64_t b_step, std::byte* out_bytes, std::int64_t count) {
    const auto* a = reinterpret_cast<const A*>(a_bytes);
    const auto* b = reinterpret_cast<const B*>(b_bytes);
    auto* out = reinterpret_cast<R*>(out_bytes);
    if (a_step == 1 && b_step == 1)
        for (std::int64_t i = 0; i < count; ++i) out[i] = F{}(a[i], b[i]);
    else
        for (std::int64_t i = 0; i < count; ++i) out[i] = F{}(a[i * a_step], b[i * b_step]);
}

/// What an operator does with operands of one type.
struct binary_entry {
    binary_row row = nullptr;
    dtype out = dtype::f32;
};

/// The row of F for the type, where the list has it.
template <class F, class R = void, class... Ts>
[[nodiscard]] binary_entry binary_entry_of(type_list<Ts...> types, dtype type) {
    binary_entry found;
    visit_type(types, type, [&]<class T>(std::type_identity<T>) {
        using out = std::conditional_t<std::is_void_v<R>, T, R>;
        found = {run_binary_row<T, T, out, F>, dtype_of<out>};
    });
    return found;
}

template <class = void>
[[nodiscard]] result<tensor> run_binary(const call& c, const tensor& a, const tensor& b, shape out_dims,
                                        binary_entry entry) {
    DISPART_TRY(tensor out, c.make(entry.out, out_dims));
    const auto a_bytes = static_cast<std::int64_t>(size_of(a.type()));
    const auto b_bytes = static_cast<std::int64_t>(size_of(b.type()));
    const auto out_bytes = static_cast<std::int64_t>(size_of(out.type()));
    const walk<3> all{out_dims,
                      {broadcast_strides(a.dims(), out_dims), broadcast_strides(b.dims(), out_dims),
                       dense_strides(out_dims)}};
    for_each_row<3>(all, [&](const auto& offset, std::int64_t count, const auto& step) {
        entry.row(a.bytes().data() + offset[0] * a_bytes, step[0], b.bytes().data() + offset[1] * b_bytes,
                  step[1], out.bytes().data() + offset[2] * out_bytes, count);
    });
    return out;
}

/// The second operand of an operator before opset 7, reshaped so that ordinary broadcasting does what `axis` says.
[[nodiscard]] inline result<tensor> legacy_operand(const call& c) {
    const auto& a = c.in[0].dims();
    const auto& b = c.in[1].dims();
    if (a == b || c.integer("broadcast", 0) == 0) return c.in[1];
    const auto last = static_cast<std::int64_t>(a.size()) - static_cast<std::int64_t>(b.size());
    auto axis = c.integer("axis", last);
    if (axis < 0) axis = dispart::detail::plus(axis, static_cast<std::int64_t>(a.size()));
    if (last < 0 || axis < 0 || axis > last)
        return c.bad_shape(to_string(b) + " does not fit into " + to_string(a));
    shape padded(b);
    padded.resize(a.size() - static_cast<std::size_t>(axis), 1);
    return c.in[1].reshaped(padded);
}

/// Broadcasts the two operands and runs the row. Errors: shape_mismatch, unsupported (no row for the type).
enum class operand_order { as_is, swapped };

[[nodiscard]] inline outcome broadcast_binary(const call& c, binary_entry entry,
                                              operand_order order = operand_order::as_is) {
    if (entry.row == nullptr) return c.bad_type(0);
    DISPART_TRY(const tensor b, c.opset < 7 ? legacy_operand(c) : result<tensor>(c.in[1]));
    DISPART_TRY(shape dims, broadcast_shape(c, c.in[0].dims(), b.dims()));
    const bool swapped = order == operand_order::swapped;
    DISPART_TRY(tensor out,
                run_binary(c, swapped ? b : c.in[0], swapped ? c.in[0] : b, std::move(dims), entry));
    return one(std::move(out));
}

template <class F, class R = void, class Types>
[[nodiscard]] outcome same_type_binary(const call& c, Types types, operand_order order = operand_order::as_is) {
    DISPART_CHECK(c.same_type(0, 1));
    return broadcast_binary(c, binary_entry_of<F, R>(types, c.in[0].type()), order);
}

struct add_f {
    template <class T>
    T operator()(T a, T b) const {
        return wrap_add(a, b);
    }
};
struct subtract_f {
    template <class T>
    T operator()(T a, T b) const {
        return wrap_subtract(a, b);
    }
};
struct multiply_f {
    template <class T>
    T operator()(T a, T b) const {
        return wrap_multiply(a, b);
    }
};
struct divide_f {
    template <class T>
    T operator()(T a, T b) const {
        return safe_divide(a, b);
    }
};
struct less_f {
    template <class T>
    bool operator()(T a, T b) const {
        return a < b;
    }
};
struct less_equal_f {
    template <class T>
    bool operator()(T a, T b) const {
        return a <= b;
    }
};
struct equal_f {
    template <class T>
    bool operator()(T a, T b) const {
        return a == b;
    }
};
struct and_f {
    template <class T>
    T operator()(T a, T b) const {
        return static_cast<T>(a & b);
    }
};
struct or_f {
    template <class T>
    T operator()(T a, T b) const {
        return static_cast<T>(a | b);
    }
};
struct xor_f {
    template <class T>
    T operator()(T a, T b) const {
        return static_cast<T>(a ^ b);
    }
};
/// NaN wins, as in NumPy.
struct max_f {
    template <class T>
    T operator()(T a, T b) const {
        return a != a || a > b ? a : b;
    }
};
struct min_f {
    template <class T>
    T operator()(T a, T b) const {
        return a != a || a < b ? a : b;
    }
};
/// The remainder with the divisor's sign for integers; 0 for a divisor of 0.
struct modulo_f {
    template <class T>
    T operator()(T a, T b) const {
        if constexpr (std::is_floating_point_v<T>) {
            const T rest = std::fmod(a, b);
            return rest != T{0} && (rest < T{0}) != (b < T{0}) ? rest + b : rest;
        } else {
            if (b == T{0} || b == static_cast<T>(-1))
                return std::is_signed_v<T> || b == T{0} ? T{0} : static_cast<T>(a % b);
            const T rest = static_cast<T>(a % b);
            return rest != T{0} && (rest < T{0}) != (b < T{0}) ? static_cast<T>(rest + b) : rest;
        }
    }
};
/// The remainder with the dividend's sign (C's fmod).
struct remainder_f {
    template <class T>
    T operator()(T a, T b) const {
        if constexpr (std::is_floating_point_v<T>) return std::fmod(a, b);
        else if (b == T{0} || (std::is_signed_v<T> && b == static_cast<T>(-1))) return T{0};
        else return static_cast<T>(a % b);
    }
};
struct shift_left_f {
    template <class T>
    T operator()(T a, T b) const {
        return b >= T{8 * sizeof(T)}
                   ? T{0}
                   : static_cast<T>(static_cast<std::uint64_t>(a) << static_cast<unsigned>(b));
    }
};
struct shift_right_f {
    template <class T>
    T operator()(T a, T b) const {
        return b >= T{8 * sizeof(T)}
                   ? T{0}
                   : static_cast<T>(static_cast<std::uint64_t>(a) >> static_cast<unsigned>(b));
    }
};
/// The result has the base's type; integers to integer powers wrap, everything else goes through floating point.
struct power_f {
    template <class A, class B>
    A operator()(A a, B b) const {
        if constexpr (std::is_same_v<A, float> && std::is_same_v<B, float>) {
            return b == 2.0F ? a * a : std::pow(a, b);
        } else if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
            if (b >= B{0}) return integer_power(a, static_cast<std::uint64_t>(b));
            return convert<A>(std::pow(static_cast<double>(a), static_cast<double>(b)));
        } else {
            return convert<A>(std::pow(static_cast<double>(a), static_cast<double>(b)));
        }
    }
    template <class A>
    static A integer_power(A base, std::uint64_t exponent) {
        A product{1};
        for (; exponent != 0; exponent >>= 1U) {
            if ((exponent & 1U) != 0) product = wrap_multiply(product, base);
            base = wrap_multiply(base, base);
        }
        return product;
    }
};

using bool_or_integer = type_list<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                                  std::uint16_t, std::uint32_t, std::uint64_t>;
using bool_or_number = type_list<bool, float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                                 std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;
using unsigned_types = type_list<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;

}  // namespace detail

template <class = void>
[[nodiscard]] outcome add_kernel(const call& c) {
    return detail::same_type_binary<detail::add_f>(c, number_types{});
}
template <class = void>
[[nodiscard]] outcome sub_kernel(const call& c) {
    return detail::same_type_binary<detail::subtract_f>(c, number_types{});
}
template <class = void>
[[nodiscard]] outcome mul_kernel(const call& c) {
    return detail::same_type_binary<detail::multiply_f>(c, number_types{});
}
template <class = void>
[[nodiscard]] outcome div_kernel(const call& c) {
    return detail::same_type_binary<detail::divide_f>(c, number_types{});
}
template <class = void>
[[nodiscard]] outcome less_kernel(const call& c) {
    return detail::same_type_binary<detail::less_f, bool>(c, number_types{});
}
template <class = void>
[[nodiscard]] outcome less_or_equal_kernel(const call& c) {
    return detail::same_type_binary<detail::less_equal_f, bool>(c, number_types{});
}
template <class = void>
[[nodiscard]] outcome greater_kernel(const call& c) {
    return detail::same_type_binary<detail::less_f, bool>(c, number_types{}, detail::operand_order::swapped);
}
template <class = void>
[[nodiscard]] outcome greater_or_equal_kernel(const call& c) {
    return detail::same_type_binary<detail::less_equal_f, bool>(c, number_types{},
                                                                detail::operand_order::swapped);
}
template <class = void>
[[nodiscard]] outcome equal_kernel(const call& c) {
    return detail::same_type_binary<detail::equal_f, bool>(c, detail::bool_or_number{});
}
template <class = void>
[[nodiscard]] outcome and_kernel(const call& c) {
    return detail::same_type_binary<detail::and_f>(c, type_list<bool>{});
}
template <class = void>
[[nodiscard]] outcome or_kernel(const call& c) {
    return detail::same_type_binary<detail::or_f>(c, type_list<bool>{});
}
template <class = void>
[[nodiscard]] outcome xor_kernel(const call& c) {
    return detail::same_type_binary<detail::xor_f>(c, type_list<bool>{});
}
template <class = void>
[[nodiscard]] outcome bitwise_and_kernel(const call& c) {
    return detail::same_type_binary<detail::and_f>(c, integer_types{});
}
template <class = void>
[[nodiscard]] outcome bitwise_or_kernel(const call& c) {
    return detail::same_type_binary<detail::or_f>(c, integer_types{});
}
template <class = void>
[[nodiscard]] outcome bitwise_xor_kernel(const call& c) {
    return detail::same_type_binary<detail::xor_f>(c, integer_types{});
}
/// Mod: with `fmod` the dividend gives the sign, without it the divisor does.
template <class = void>
[[nodiscard]] outcome mod_kernel(const call& c) {
    if (c.integer("fmod", 0) != 0) return detail::same_type_binary<detail::remainder_f>(c, number_types{});
    return detail::same_type_binary<detail::modulo_f>(c, number_types{});
}
/// BitShift of unsigned integers; shifting by the width or more gives 0.
template <class = void>
[[nodiscard]] outcome bit_shift_kernel(const call& c) {
    const auto direction = c.text("direction", "");
    if (direction == "LEFT")
        return detail::same_type_binary<detail::shift_left_f>(c, detail::unsigned_types{});
    if (direction == "RIGHT")
        return detail::same_type_binary<detail::shift_right_f>(c, detail::unsigned_types{});
    return c.fail(errc::invalid_model, "direction '" + direction + "'");
}

/// Pow: base and exponent may differ in type; the result has the base's.
template <class = void>
[[nodiscard]] outcome pow_kernel(const call& c) {
    detail::binary_entry entry;
    visit_type(common_types{}, c.in[0].type(), [&]<class A>(std::type_identity<A>) {
        using exponents = type_list<float, double, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>;
        visit_type(exponents{}, c.in[1].type(), [&]<class B>(std::type_identity<B>) {
            entry = {detail::run_binary_row<A, B, A, detail::power_f>, dtype_of<A>};
        });
    });
    return detail::broadcast_binary(c, entry);
}

/// PRelu: the slope broadcasts into X; before opset 7 a slope [C] belongs to axis 1.
template <class = void>
[[nodiscard]] outcome prelu_kernel(const call& c) {
    struct prelu_f {
        float operator()(float x, float slope) const { return x < 0.0F ? slope * x : x; }
        double operator()(double x, double slope) const { return x < 0.0 ? slope * x : x; }
    };
    DISPART_CHECK(c.same_type(0, 1));
    const auto& x = c.in[0];
    tensor slope = c.in[1];
    if (c.opset < 7 && slope.rank() == 1 && x.rank() > 2 && slope.dims()[0] == x.dims()[1]) {
        shape padded(x.rank() - 1, 1);
        padded[0] = slope.dims()[0];
        slope = slope.reshaped(padded);
    }
    DISPART_TRY(shape dims, broadcast_shape(c, x.dims(), slope.dims()));
    if (dims != x.dims())
        return c.bad_shape("slope " + to_string(slope.dims()) + " does not fit into " + to_string(x.dims()));
    const auto entry = detail::binary_entry_of<prelu_f>(floating_types{}, x.type());
    if (entry.row == nullptr) return c.bad_type(0);
    DISPART_TRY(tensor out, detail::run_binary(c, x, slope, std::move(dims), entry));
    return one(std::move(out));
}

namespace detail {
template <class F, class Types>
[[nodiscard]] result<tensor> fold_operands(const call& c, Types types) {
    const auto entry = binary_entry_of<F>(types, c.in[0].type());
    if (entry.row == nullptr) return c.bad_type(0);
    tensor total = c.in[0];
    for (std::size_t i = 1; i < c.in.size(); ++i) {
        if (!c.has(i)) return c.fail(errc::invalid_model, "operand " + std::to_string(i) + " is absent");
        DISPART_CHECK(c.same_type(0, i));
        DISPART_TRY(shape dims, broadcast_shape(c, total.dims(), c.in[i].dims()));
        DISPART_TRY(total, run_binary(c, total, c.in[i], std::move(dims), entry));
    }
    return total;
}
template <class F, class Types>
[[nodiscard]] outcome variadic(const call& c, Types types) {
    DISPART_TRY(tensor total, fold_operands<F>(c, types));
    return one(std::move(total));
}
}  // namespace detail

/// Max, Min, Sum and Mean of any number of operands, from the first to the last.
template <class = void>
[[nodiscard]] outcome max_kernel(const call& c) {
    return detail::variadic<detail::max_f>(c, number_types{});
}
template <class = void>
[[nodiscard]] outcome min_kernel(const call& c) {
    return detail::variadic<detail::min_f>(c, number_types{});
}
template <class = void>
[[nodiscard]] outcome sum_kernel(const call& c) {
    return detail::variadic<detail::add_f>(c, floating_types{});
}
template <class = void>
[[nodiscard]] outcome mean_kernel(const call& c) {
    DISPART_TRY(const tensor total, detail::fold_operands<detail::add_f>(c, floating_types{}));
    DISPART_TRY(tensor out, c.make(total.type(), total.dims()));
    visit_type(floating_types{}, out.type(), [&]<class T>(std::type_identity<T>) {
        const T* from = total.data<T>().data();
        T* to = out.data<T>().data();
        const T count = static_cast<T>(c.in.size());
        for (std::size_t i = 0; i < out.size(); ++i) to[i] = from[i] / count;
    });
    return one(std::move(out));
}

/// Where: picks from the second operand where the first is true, else from the third; any element type.
template <class = void>
[[nodiscard]] outcome where_kernel(const call& c) {
    DISPART_CHECK(c.need_type(0, dtype::boolean));
    DISPART_CHECK(c.same_type(1, 2));
    DISPART_TRY(const shape choice, broadcast_shape(c, c.in[1].dims(), c.in[2].dims()));
    DISPART_TRY(const shape dims, broadcast_shape(c, c.in[0].dims(), choice));
    DISPART_TRY(tensor out, c.make(c.in[1].type(), dims));
    const std::size_t width = size_of(out.type());
    const auto bytes = static_cast<std::int64_t>(width);
    const bool* condition = c.in[0].data<bool>().data();
    const walk<4> all{dims,
                      {broadcast_strides(c.in[0].dims(), dims), broadcast_strides(c.in[1].dims(), dims),
                       broadcast_strides(c.in[2].dims(), dims), dense_strides(dims)}};
    const std::byte* yes = c.in[1].bytes().data();
    const std::byte* no = c.in[2].bytes().data();
    std::byte* to = out.bytes().data();
    for_each_row<4>(all, [&](const auto& offset, std::int64_t count, const auto& step) {
        for (std::int64_t i = 0; i < count; ++i) {
            const auto* from = condition[offset[0] + i * step[0]] ? yes + (offset[1] + i * step[1]) * bytes
                                                                  : no + (offset[2] + i * step[2]) * bytes;
            std::memcpy(to + (offset[3] + i * step[3]) * bytes, from, width);
        }
    });
    return one(std::move(out));
}

template <class = void>
inline constexpr auto binary_rows = std::to_array<kernel_row>({
    {"Add", add_kernel<>, 2, 2},
    {"And", and_kernel<>, 2, 2},
    {"BitShift", bit_shift_kernel<>, 2, 2},
    {"BitwiseAnd", bitwise_and_kernel<>, 2, 2},
    {"BitwiseOr", bitwise_or_kernel<>, 2, 2},
    {"BitwiseXor", bitwise_xor_kernel<>, 2, 2},
    {"Div", div_kernel<>, 2, 2},
    {"Equal", equal_kernel<>, 2, 2},
    {"Greater", greater_kernel<>, 2, 2},
    {"GreaterOrEqual", greater_or_equal_kernel<>, 2, 2},
    {"Less", less_kernel<>, 2, 2},
    {"LessOrEqual", less_or_equal_kernel<>, 2, 2},
    {"Max", max_kernel<>, 1, any_number},
    {"Mean", mean_kernel<>, 1, any_number},
    {"Min", min_kernel<>, 1, any_number},
    {"Mod", mod_kernel<>, 2, 2},
    {"Mul", mul_kernel<>, 2, 2},
    {"Or", or_kernel<>, 2, 2},
    {"PRelu", prelu_kernel<>, 2, 2},
    {"Pow", pow_kernel<>, 2, 2},
    {"Sub", sub_kernel<>, 2, 2},
    {"Sum", sum_kernel<>, 1, any_number},
    {"Where", where_kernel<>, 3, 3, halves::as_is},
    {"Xor", xor_kernel<>, 2, 2},
});

}  // namespace dispart::kernels
