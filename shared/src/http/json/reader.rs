//! The layer between serde and `serde_json`: it tracks the path of the current value, and refuses an array instead of
//! an object.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::failure::Failure;
use super::path::{Path, Step};

/// How many characters of a member's name an error repeats.
const MAX_NAME_CHARS: usize = 64;

/// Reads any value from `inner` and passes it on, so that `inner` itself reports no type errors.
pub struct Reader<'p, D> {
    pub inner: D,
    pub path: &'p Path,
    /// Whether the value is the name of a member.
    pub is_name: bool,
}

macro_rules! read_anything {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.deserialize_any(visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Reader<'_, D> {
    fn objects_only<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure<D::Error>> {
        let Self { inner, path, is_name } = self;
        let visitor = Watched { visitor, path, is_name, takes_lists: false };
        inner.deserialize_any(visitor).map_err(Failure::Inner)
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Reader<'_, D> {
    type Error = Failure<D::Error>;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_any(Watched::new(visitor, self.path, self.is_name)).map_err(Failure::Inner)
    }

    read_anything! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_seq
        deserialize_identifier
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_option(Watched::new(visitor, self.path, self.is_name)).map_err(Failure::Inner)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_any(visitor)
    }

    /// `serde_json` knows its raw values by this name.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let visitor = Watched::new(visitor, self.path, self.is_name);
        self.inner.deserialize_newtype_struct(name, visitor).map_err(Failure::Inner)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.objects_only(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.objects_only(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let visitor = Watched::new(visitor, self.path, self.is_name);
        self.inner.deserialize_enum(name, variants, visitor).map_err(Failure::Inner)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_ignored_any(Watched::new(visitor, self.path, self.is_name)).map_err(Failure::Inner)
    }
}

/// A visitor that also wraps the elements of lists and the members of objects.
struct Watched<'p, V> {
    visitor: V,
    path: &'p Path,
    is_name: bool,
    takes_lists: bool,
}

impl<'p, V> Watched<'p, V> {
    fn new(visitor: V, path: &'p Path, is_name: bool) -> Self {
        Self { visitor, path, is_name, takes_lists: true }
    }

    fn note(&self, text: &str) {
        if self.is_name {
            self.path.enter(Step::Member(text.chars().take(MAX_NAME_CHARS).collect()));
        }
    }
}

/// Converts an error of this layer into one of `serde_json`.
fn lower<T, E: serde::de::Error>(result: Result<T, Failure<E>>) -> Result<T, E> {
    result.map_err(Failure::into_inner)
}

macro_rules! visit_scalars {
    ($($method:ident($kind:ty))*) => {$(
        fn $method<E: serde::de::Error>(self, value: $kind) -> Result<Self::Value, E> {
            lower(self.visitor.$method::<Failure<E>>(value))
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    visit_scalars! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_bytes(&[u8]) }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        self.note(text);
        lower(self.visitor.visit_str::<Failure<E>>(text))
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        self.note(text);
        lower(self.visitor.visit_borrowed_str::<Failure<E>>(text))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Self::Value, E> {
        self.note(&text);
        lower(self.visitor.visit_string::<Failure<E>>(text))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        lower(self.visitor.visit_unit::<Failure<E>>())
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        lower(self.visitor.visit_none::<Failure<E>>())
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        lower(self.visitor.visit_some(Reader { inner, path: self.path, is_name: self.is_name }))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        lower(self.visitor.visit_newtype_struct(Reader { inner, path: self.path, is_name: self.is_name }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        if !self.takes_lists {
            return lower(Err(Failure::invalid_type(Unexpected::Seq, &"an object")));
        }
        lower(self.visitor.visit_seq(Elements { inner, path: self.path, next: 0 }))
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        lower(self.visitor.visit_map(Members { inner, path: self.path }))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        lower(self.visitor.visit_enum(Variants { inner, path: self.path }))
    }
}

/// The elements of a list.
struct Elements<'p, A> {
    inner: A,
    path: &'p Path,
    next: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = Failure<A::Error>;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Self::Error> {
        self.path.enter(Step::Element(self.next));
        let element = self.inner.next_element_seed(Nested { seed, path: self.path, is_name: false });
        let element = element.map_err(Failure::Inner)?;
        self.path.leave();
        self.next += 1;
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// The members of an object.
struct Members<'p, A> {
    inner: A,
    path: &'p Path,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, A> {
    type Error = Failure<A::Error>;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        self.inner.next_key_seed(Nested { seed, path: self.path, is_name: true }).map_err(Failure::Inner)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Self::Error> {
        let value = self.inner.next_value_seed(Nested { seed, path: self.path, is_name: false });
        let value = value.map_err(Failure::Inner)?;
        self.path.leave();
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// A variant of an enum, with or without a value.
struct Variants<'p, A> {
    inner: A,
    path: &'p Path,
}

impl<'de, 'p, A: EnumAccess<'de>> EnumAccess<'de> for Variants<'p, A> {
    type Error = Failure<A::Error>;
    type Variant = Variants<'p, A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), Self::Error> {
        let path = self.path;
        let (word, inner) = self.inner.variant_seed(Nested { seed, path, is_name: false }).map_err(Failure::Inner)?;
        Ok((word, Variants { inner, path }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variants<'_, A> {
    type Error = Failure<A::Error>;

    fn unit_variant(self) -> Result<(), Self::Error> {
        self.inner.unit_variant().map_err(Failure::Inner)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Self::Error> {
        let seed = Nested { seed, path: self.path, is_name: false };
        self.inner.newtype_variant_seed(seed).map_err(Failure::Inner)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.tuple_variant(len, Watched::new(visitor, self.path, false)).map_err(Failure::Inner)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let visitor = Watched { visitor, path: self.path, is_name: false, takes_lists: false };
        self.inner.struct_variant(fields, visitor).map_err(Failure::Inner)
    }
}

struct Nested<'p, T> {
    seed: T,
    path: &'p Path,
    is_name: bool,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Nested<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        lower(self.seed.deserialize(Reader { inner, path: self.path, is_name: self.is_name }))
    }
}
