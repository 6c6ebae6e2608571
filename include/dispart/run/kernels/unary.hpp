#pragma once
/// \file
/// Operators of one operand that compute each element on its own: functions, activations, Clip, Cast.

#include <limits>

#include "dispart/model/onnx_types.hpp"
#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

namespace detail {

/// y[i] = f(x[i]) with x of one of the listed types and y of the same type.
template <class Types, class F>
[[nodiscard]] outcome map_elements(const call& c, Types types, F f) {
    const auto& x = c.in[0];
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    const bool known = visit_type(types, x.type(), [&]<class T>(std::type_identity<T>) {
        const T* from = x.data<T>().data();
        T* to = y.data<T>().data();
        for (std::size_t i = 0, n = x.size(); i < n; ++i) to[i] = f(from[i]);
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

/// The same with one function pointer per type instead of a loop per operator: for functions that are slow anyway.
using double_function = double (*)(double);
using float_function = float (*)(float);

[[nodiscard]] inline outcome map_function(const call& c, float_function single, double_function twice) {
    return map_elements(c, floating_types{}, [=]<class T>(T x) {
        if constexpr (std::is_same_v<T, float>) return single(x);
        else return twice(x);
    });
}

}  // namespace detail

#define DISPART_UNARY_FUNCTION(name, function)                                                       \
    template <class = void>                                                                          \
    [[nodiscard]] outcome name(const call& c) {                                                      \
        return detail::map_function(                                                                 \
            c, [](float x) { return std::function(x); }, [](double x) { return std::function(x); }); \
    }
DISPART_UNARY_FUNCTION(acos_kernel, acos)
DISPART_UNARY_FUNCTION(acosh_kernel, acosh)
DISPART_UNARY_FUNCTION(asin_kernel, asin)
DISPART_UNARY_FUNCTION(asinh_kernel, asinh)
DISPART_UNARY_FUNCTION(atan_kernel, atan)
DISPART_UNARY_FUNCTION(atanh_kernel, atanh)
DISPART_UNARY_FUNCTION(ceil_kernel, ceil)
DISPART_UNARY_FUNCTION(cos_kernel, cos)
DISPART_UNARY_FUNCTION(cosh_kernel, cosh)
DISPART_UNARY_FUNCTION(erf_kernel, erf)
DISPART_UNARY_FUNCTION(exp_kernel, exp)
DISPART_UNARY_FUNCTION(floor_kernel, floor)
DISPART_UNARY_FUNCTION(log_kernel, log)
DISPART_UNARY_FUNCTION(round_kernel, nearbyint)
DISPART_UNARY_FUNCTION(sin_kernel, sin)
DISPART_UNARY_FUNCTION(sinh_kernel, sinh)
DISPART_UNARY_FUNCTION(sqrt_kernel, sqrt)
DISPART_UNARY_FUNCTION(tan_kernel, tan)
DISPART_UNARY_FUNCTION(tanh_kernel, tanh)
#undef DISPART_UNARY_FUNCTION

/// |x| for every number type; unsigned types stay as they are.
template <class = void>
[[nodiscard]] outcome abs_kernel(const call& c) {
    return detail::map_elements(c, number_types{},
                                []<class T>(T x) { return x < T{0} ? wrap_subtract(T{0}, x) : x; });
}
template <class = void>
[[nodiscard]] outcome neg_kernel(const call& c) {
    return detail::map_elements(c, number_types{}, []<class T>(T x) {
        if constexpr (std::is_floating_point_v<T>) return -x;
        else return wrap_subtract(T{0}, x);
    });
}
template <class = void>
[[nodiscard]] outcome sign_kernel(const call& c) {
    return detail::map_elements(c, number_types{}, []<class T>(T x) {
        return x > T{0} ? T{1} : x < T{0} ? static_cast<T>(-1) : x;  // zero and NaN stay
    });
}
template <class = void>
[[nodiscard]] outcome relu_kernel(const call& c) {
    return detail::map_elements(c, number_types{}, []<class T>(T x) { return x < T{0} ? T{0} : x; });
}
template <class = void>
[[nodiscard]] outcome reciprocal_kernel(const call& c) {
    return detail::map_elements(c, floating_types{}, []<class T>(T x) { return T{1} / x; });
}
template <class = void>
[[nodiscard]] outcome sigmoid_kernel(const call& c) {
    return detail::map_elements(c, floating_types{},
                                []<class T>(T x) { return T{1} / (T{1} + std::exp(-x)); });
}
template <class = void>
[[nodiscard]] outcome softsign_kernel(const call& c) {
    return detail::map_elements(c, floating_types{}, []<class T>(T x) { return x / (T{1} + std::abs(x)); });
}
/// log(1 + exp(x)), without overflow.
template <class = void>
[[nodiscard]] outcome softplus_kernel(const call& c) {
    return detail::map_elements(c, floating_types{}, []<class T>(T x) {
        return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
    });
}
template <class = void>
[[nodiscard]] outcome hard_swish_kernel(const call& c) {
    return detail::map_elements(c, floating_types{}, []<class T>(T x) {
        return x * std::max(T{0}, std::min(T{1}, x / T{6} + T{0.5}));
    });
}
template <class = void>
[[nodiscard]] outcome mish_kernel(const call& c) {
    return detail::map_elements(c, floating_types{}, []<class T>(T x) {
        return x * std::tanh(std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x))));
    });
}
/// Gelu-20: exact by erf, or the tanh approximation.
template <class = void>
[[nodiscard]] outcome gelu_kernel(const call& c) {
    const bool approximate = c.text("approximate", "none") == "tanh";
    return detail::map_elements(c, floating_types{}, [=]<class T>(T x) {
        const T inner =
            approximate
                ? std::tanh(static_cast<T>(0.7978845608028654) * (x + static_cast<T>(0.044715) * x * x * x))
                : std::erf(x * static_cast<T>(0.7071067811865476));
        return static_cast<T>(0.5) * x * (T{1} + inner);
    });
}
template <class = void>
[[nodiscard]] outcome leaky_relu_kernel(const call& c) {
    const float alpha = c.real("alpha", 0.01F);
    return detail::map_elements(c, floating_types{},
                                [=]<class T>(T x) { return x < T{0} ? static_cast<T>(alpha) * x : x; });
}
template <class = void>
[[nodiscard]] outcome elu_kernel(const call& c) {
    const float alpha = c.real("alpha", 1.0F);
    return detail::map_elements(c, floating_types{}, [=]<class T>(T x) {
        return x < T{0} ? static_cast<T>(alpha) * std::expm1(x) : x;
    });
}
template <class = void>
[[nodiscard]] outcome celu_kernel(const call& c) {
    const float alpha = c.real("alpha", 1.0F);
    return detail::map_elements(c, floating_types{}, [=]<class T>(T x) {
        const T a = static_cast<T>(alpha);
        return std::max(T{0}, x) + std::min(T{0}, a * std::expm1(x / a));
    });
}
/// Selu's defaults were rounded in opset 1.
template <class = void>
[[nodiscard]] outcome selu_kernel(const call& c) {
    const float alpha = c.real("alpha", c.opset < 6 ? 1.6732F : 1.67326319217681884765625F);
    const float gamma = c.real("gamma", c.opset < 6 ? 1.0507F : 1.05070102214813232421875F);
    return detail::map_elements(c, floating_types{}, [=]<class T>(T x) {
        return static_cast<T>(gamma) * (x > T{0} ? x : static_cast<T>(alpha) * std::expm1(x));
    });
}
template <class = void>
[[nodiscard]] outcome hard_sigmoid_kernel(const call& c) {
    const float alpha = c.real("alpha", 0.2F);
    const float beta = c.real("beta", 0.5F);
    return detail::map_elements(c, floating_types{}, [=]<class T>(T x) {
        return std::max(T{0}, std::min(T{1}, static_cast<T>(alpha) * x + static_cast<T>(beta)));
    });
}
template <class = void>
[[nodiscard]] outcome thresholded_relu_kernel(const call& c) {
    const float alpha = c.real("alpha", 1.0F);
    return detail::map_elements(c, floating_types{},
                                [=]<class T>(T x) { return x > static_cast<T>(alpha) ? x : T{0}; });
}
template <class = void>
[[nodiscard]] outcome shrink_kernel(const call& c) {
    const float lambda = c.real("lambd", 0.5F);
    const float bias = c.real("bias", 0.0F);
    return detail::map_elements(c, number_types{}, [=]<class T>(T x) {
        const auto value = static_cast<double>(x);
        if (value < -static_cast<double>(lambda)) return convert<T>(value + static_cast<double>(bias));
        if (value > static_cast<double>(lambda)) return convert<T>(value - static_cast<double>(bias));
        return T{0};
    });
}

/// Clip: bounds are attributes before opset 11, scalar operands from 11 on; NaN passes.
template <class = void>
[[nodiscard]] outcome clip_kernel(const call& c) {
    for (const std::size_t i : {1U, 2U}) {
        DISPART_CHECK(c.same_type(0, i));
        if (c.has(i) && c.in[i].size() != 1) return c.bad_shape("a bound is not one value");
    }
    const auto bound = [&]<class T>(std::size_t i, std::string_view name, T fallback) {
        if (c.has(i)) return c.in[i].data<T>()[0];
        if (c.opset < 11 && c.has_attr(name)) return convert<T>(c.real(name, 0.0F));
        return fallback;
    };
    outcome made;
    const bool known = visit_type(number_types{}, c.in[0].type(), [&]<class T>(std::type_identity<T>) {
        const T low = bound(1, "min", std::numeric_limits<T>::lowest());
        const T high = bound(2, "max", std::numeric_limits<T>::max());
        const bool has_low = c.has(1) || (c.opset < 11 && c.has_attr("min"));
        const bool has_high = c.has(2) || (c.opset < 11 && c.has_attr("max"));
        made = detail::map_elements(c, type_list<T>{}, [=](T x) {
            if (has_low && x < low) x = low;
            return has_high && x > high ? high : x;
        });
    });
    if (!known) return c.bad_type(0);
    return made;
}

/// Element-wise tests of one operand with a boolean result.
namespace detail {
template <class Types, class F>
[[nodiscard]] outcome test_elements(const call& c, Types types, F f) {
    const auto& x = c.in[0];
    DISPART_TRY(tensor y, c.make(dtype::boolean, x.dims()));
    bool* to = y.data<bool>().data();
    const bool known = visit_type(types, x.type(), [&]<class T>(std::type_identity<T>) {
        const T* from = x.data<T>().data();
        for (std::size_t i = 0, n = x.size(); i < n; ++i) to[i] = f(from[i]);
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}
}  // namespace detail

template <class = void>
[[nodiscard]] outcome not_kernel(const call& c) {
    return detail::test_elements(c, type_list<bool>{}, [](bool x) { return !x; });
}
template <class = void>
[[nodiscard]] outcome is_nan_kernel(const call& c) {
    return detail::test_elements(c, floating_types{}, [](auto x) { return std::isnan(x); });
}
template <class = void>
[[nodiscard]] outcome is_inf_kernel(const call& c) {
    const bool positive = c.integer("detect_positive", 1) != 0;
    const bool negative = c.integer("detect_negative", 1) != 0;
    return detail::test_elements(c, floating_types{},
                                 [=](auto x) { return std::isinf(x) && (x > 0 ? positive : negative); });
}
template <class = void>
[[nodiscard]] outcome bitwise_not_kernel(const call& c) {
    return detail::map_elements(c, integer_types{}, []<class T>(T x) { return static_cast<T>(~x); });
}

/// Identity, and Dropout's data at inference: the operand itself, not a copy.
template <class = void>
[[nodiscard]] outcome identity_kernel(const call& c) {
    return one(c.in[0]);
}

/// Dropout at inference: the data, and an all-true mask. Errors: unsupported where it is asked to train at a ratio above 0.
template <class = void>
[[nodiscard]] outcome dropout_kernel(const call& c) {
    const bool trains =
        c.has(2) && c.in[2].type() == dtype::boolean && c.in[2].size() == 1 && c.in[2].data<bool>()[0];
    if (trains) {
        const auto ratio = c.has(1) ? widened(c, c.in[1]) : tensor::of<float>({}, std::vector<float>{0.5F});
        if (!ratio) return tl::unexpected<error>(ratio.error());
        const auto values = values_as<double>(*ratio);
        if (values.size() != 1 || values[0] != 0.0) return c.unsupported("training mode");
    }
    auto list = one(c.in[0]);
    if (!c.wants(1)) return list;
    const bool boolean = c.opset >= 10;
    DISPART_TRY(tensor mask, c.make_zero(boolean ? dtype::boolean : c.in[0].type(), c.in[0].dims()));
    if (boolean) {
        std::fill_n(mask.data<bool>().data(), mask.size(), true);
    } else {
        visit_type(floating_types{}, mask.type(), [&]<class T>(std::type_identity<T>) {
            std::fill_n(mask.data<T>().data(), mask.size(), T{1});
        });
    }
    list.push_back(std::move(mask));
    return list;
}

/// A tensor's elements as another type. Errors: limit_exceeded.
template <class = void>
[[nodiscard]] result<tensor> converted(const call& c, const tensor& from, dtype type) {
    if (from.type() == type) return from;
    DISPART_TRY(const tensor wide, widened(c, from));
    const bool half = type == dtype::f16 || type == dtype::bf16;
    const dtype target = half ? dtype::f32 : type;
    DISPART_TRY(tensor to, c.make(target, from.dims()));
    // By way of the widest type of its kind, so that there are not all pairs of types; each is exact.
    const auto store = [&](const auto& values) {
        visit_type(plain_types{}, target, [&]<class To>(std::type_identity<To>) {
            std::transform(values.begin(), values.end(), to.data<To>().begin(),
                           [](auto v) { return convert<To>(v); });
        });
    };
    if (wide.type() == dtype::i64) store(wide.data<std::int64_t>());
    else if (wide.type() == dtype::u64) store(wide.data<std::uint64_t>());
    else store(values_as<double>(wide));
    if (half) return narrowed(c, to, type);
    return to;
}

/// Cast: `to` is a number, or a name in opsets before 6. Floating to integer truncates and saturates.
template <class = void>
[[nodiscard]] outcome cast_kernel(const call& c) {
    auto type = dtype_from_onnx(c.integer("to", 0));
    if (const auto name = c.text("to", ""); !name.empty()) type = dtype_from_onnx(std::string_view(name));
    if (!type) return c.unsupported("element type " + std::to_string(c.integer("to", 0)));
    DISPART_TRY(tensor y, converted(c, c.in[0], *type));
    return one(std::move(y));
}
/// CastLike: to the second operand's type.
template <class = void>
[[nodiscard]] outcome cast_like_kernel(const call& c) {
    DISPART_TRY(tensor y, converted(c, c.in[0], c.in[1].type()));
    return one(std::move(y));
}

template <class = void>
inline constexpr auto unary_rows = std::to_array<kernel_row>({
    {"Abs", abs_kernel<>, 1, 1},
    {"Acos", acos_kernel<>, 1, 1},
    {"Acosh", acosh_kernel<>, 1, 1},
    {"Asin", asin_kernel<>, 1, 1},
    {"Asinh", asinh_kernel<>, 1, 1},
    {"Atan", atan_kernel<>, 1, 1},
    {"Atanh", atanh_kernel<>, 1, 1},
    {"BitwiseNot", bitwise_not_kernel<>, 1, 1},
    {"Cast", cast_kernel<>, 1, 1, halves::as_is},
    {"CastLike", cast_like_kernel<>, 2, 2, halves::as_is},
    {"Ceil", ceil_kernel<>, 1, 1},
    {"Celu", celu_kernel<>, 1, 1},
    {"Clip", clip_kernel<>, 1, 3},
    {"Cos", cos_kernel<>, 1, 1},
    {"Cosh", cosh_kernel<>, 1, 1},
    {"Dropout", dropout_kernel<>, 1, 3, halves::as_is},
    {"Elu", elu_kernel<>, 1, 1},
    {"Erf", erf_kernel<>, 1, 1},
    {"Exp", exp_kernel<>, 1, 1},
    {"Floor", floor_kernel<>, 1, 1},
    {"Gelu", gelu_kernel<>, 1, 1},
    {"HardSigmoid", hard_sigmoid_kernel<>, 1, 1},
    {"HardSwish", hard_swish_kernel<>, 1, 1},
    {"Identity", identity_kernel<>, 1, 1, halves::as_is},
    {"IsInf", is_inf_kernel<>, 1, 1},
    {"IsNaN", is_nan_kernel<>, 1, 1},
    {"LeakyRelu", leaky_relu_kernel<>, 1, 1},
    {"Log", log_kernel<>, 1, 1},
    {"Mish", mish_kernel<>, 1, 1},
    {"Neg", neg_kernel<>, 1, 1},
    {"Not", not_kernel<>, 1, 1},
    {"Reciprocal", reciprocal_kernel<>, 1, 1},
    {"Relu", relu_kernel<>, 1, 1},
    {"Round", round_kernel<>, 1, 1},
    {"Selu", selu_kernel<>, 1, 1},
    {"Shrink", shrink_kernel<>, 1, 1},
    {"Sigmoid", sigmoid_kernel<>, 1, 1},
    {"Sign", sign_kernel<>, 1, 1},
    {"Sin", sin_kernel<>, 1, 1},
    {"Sinh", sinh_kernel<>, 1, 1},
    {"Softplus", softplus_kernel<>, 1, 1},
    {"Softsign", softsign_kernel<>, 1, 1},
    {"Sqrt", sqrt_kernel<>, 1, 1},
    {"Tan", tan_kernel<>, 1, 1},
    {"Tanh", tanh_kernel<>, 1, 1},
    {"ThresholdedRelu", thresholded_relu_kernel<>, 1, 1},
});

}  // namespace dispart::kernels
