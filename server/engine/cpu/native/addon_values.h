// Values between JavaScript and the addon.
#pragma once
#define NAPI_VERSION 8
#include <node_api.h>

#include <string>

#include "abi.h"

namespace grokbox {

struct Arguments {
  napi_env env;
  napi_value value[9];
  size_t count = 9;

  Arguments(napi_env env, napi_callback_info info) : env(env) {
    napi_get_cb_info(env, info, &count, value, nullptr, nullptr);
  }

  double number(int i) const {
    double x = 0;
    napi_get_value_double(env, value[i], &x);
    return x;
  }
  std::string text(int i) const {
    char s[32] = "";
    size_t n;
    napi_get_value_string_utf8(env, value[i], s, sizeof s, &n);
    return s;
  }
  template <class T>
  T* external(int i) const {
    void* p = nullptr;
    napi_get_value_external(env, value[i], &p);
    return (T*)p;
  }
  // Data of a typed array; null when the argument is none.
  template <class T>
  T* array(int i, napi_typedarray_type* type = nullptr, int32_t* length = nullptr) const {
    return arrayOf<T>(value[i], type, length);
  }
  template <class T>
  T* arrayOf(napi_value v, napi_typedarray_type* type = nullptr, int32_t* length = nullptr) const {
    bool is = false;
    void* data = nullptr;
    napi_typedarray_type found;
    napi_is_typedarray(env, v, &is);
    if (!is) return nullptr;
    size_t elements;
    napi_get_typedarray_info(env, v, &found, &elements, &data, nullptr, nullptr);
    if (type) *type = found;
    if (length) *length = (int32_t)elements;
    return (T*)data;
  }
  // From an array of up to sixteen typed arrays or undefined.
  State state(int i) const {
    State r{};
    uint32_t k = 0, length = 0;
    napi_get_array_length(env, value[i], &length);
    for (Layer* layer : {&r.theta, &r.xi, &r.projection, &r.embedding})
      for (float** array : {&layer->weights, &layer->first, &layer->second, &layer->average}) {
        // Most calls have none, and a list of none.
        if (k == length) return r;
        napi_value v;
        napi_get_element(env, value[i], k++, &v);
        *array = arrayOf<float>(v);
      }
    return r;
  }
};

inline napi_value undefined(napi_env env) {
  napi_value v;
  napi_get_undefined(env, &v);
  return v;
}

inline napi_value number(napi_env env, double x) {
  napi_value v;
  napi_create_double(env, x, &v);
  return v;
}

}  // namespace grokbox
