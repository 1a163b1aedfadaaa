//! Rewrites the messages that prost generates, so that they keep the fields they do not know.
//!
//! prost's derive drops a field that is newer than the code, and has no hook for it. So each message gets a field
//! `unknown_fields` and an implementation of `prost::Message` that is written out, of the same calls that the derive makes.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Fields, Item, ItemStruct, LitStr, Meta, Path, Token, Type, parse_quote};

/// Rewrites every message of a file, those in modules, too.
pub fn rewrite(items: &mut Vec<Item>) -> syn::Result<()> {
    let mut written = Vec::with_capacity(items.len());
    for mut item in items.drain(..) {
        let mut implementation = None;
        match &mut item {
            Item::Struct(message) if derives_message(message)? => implementation = Some(rewrite_message(message)?),
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    rewrite(items)?;
                }
            }
            _ => {}
        }
        written.push(item);
        if let Some(tokens) = implementation {
            written.extend(syn::parse2::<syn::File>(tokens)?.items);
        }
    }
    *items = written;
    Ok(())
}

fn derives(attribute: &Attribute) -> syn::Result<Vec<Path>> {
    if !attribute.path().is_ident("derive") {
        return Ok(Vec::new());
    }
    let paths = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)?;
    Ok(paths.into_iter().collect())
}

fn is_message(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident == "Message")
}

fn derives_message(item: &ItemStruct) -> syn::Result<bool> {
    for attribute in &item.attrs {
        if derives(attribute)?.iter().any(is_message) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Rewrites one message; returns what stands behind it.
fn rewrite_message(item: &mut ItemStruct) -> syn::Result<TokenStream> {
    for attribute in &mut item.attrs {
        let mut paths = derives(attribute)?;
        if paths.is_empty() {
            continue;
        }
        // What was kept of a newer message is no plain data.
        paths.retain(|path| !is_message(path) && !path.is_ident("Copy"));
        *attribute = parse_quote!(#[derive(#(#paths),*, Debug, Default)]);
    }
    let name = item.ident.clone();
    let Fields::Named(fields) = &mut item.fields else {
        return Err(syn::Error::new_spanned(item, "a message has named fields"));
    };
    let mut known = fields
        .named
        .iter_mut()
        .map(|field| {
            let (attributes, others) = std::mem::take(&mut field.attrs)
                .into_iter()
                .partition::<Vec<_>, _>(|attribute| attribute.path().is_ident("prost"));
            field.attrs = others;
            let ident = field.ident.clone().expect("the field of a message has a name");
            Field::parse(ident, &field.ty, &attributes[0])
        })
        .collect::<syn::Result<Vec<_>>>()?;
    fields.named.push(parse_quote! {
        /// Fields that are newer than this code: kept as they came, and sent back so.
        pub unknown_fields: crate::UnknownFields
    });
    known.sort_by_key(|field| field.tags[0]);
    Ok(implementation(&name, &known))
}

fn implementation(name: &Ident, known: &[Field]) -> TokenStream {
    let encode = known.iter().map(Field::encode);
    let length = known.iter().map(Field::encoded_len);
    let merge = known.iter().map(Field::merge);
    let methods: Vec<_> = known.iter().filter_map(Field::methods).collect();
    let methods = (!methods.is_empty()).then(|| quote! { impl #name { #(#methods)* } });
    quote! {
        #methods
        impl ::prost::Message for #name {
            fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
                #(#encode)*
                self.unknown_fields.encode_raw(buf);
            }
            fn merge_field(
                &mut self,
                tag: u32,
                wire_type: ::prost::encoding::WireType,
                buf: &mut impl ::prost::bytes::Buf,
                ctx: ::prost::encoding::DecodeContext,
            ) -> ::core::result::Result<(), ::prost::DecodeError> {
                match tag {
                    #(#merge)*
                    _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
                }
            }
            fn encoded_len(&self) -> usize {
                self.unknown_fields.encoded_len() #(+ #length)*
            }
            fn clear(&mut self) {
                *self = Self::default();
            }
        }
    }
}

enum Kind {
    /// A number, a text or bytes: the module of `prost::encoding` that writes it.
    Scalar(Ident),
    Enumeration(Path),
    Message,
    /// The modules of key and value.
    Map(Ident, Ident),
    /// The enum's path.
    Oneof(Path),
}

#[derive(Clone, Copy, PartialEq)]
enum Label {
    Plain,
    Optional,
    Repeated,
}

/// One field, as its `#[prost(…)]` describes it.
struct Field {
    ident: Ident,
    kind: Kind,
    label: Label,
    tags: Vec<u32>,
}

impl Field {
    fn parse(ident: Ident, ty: &Type, attribute: &Attribute) -> syn::Result<Self> {
        let mut kind = None;
        let (mut label, mut tags) = (Label::Plain, Vec::new());
        for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
            let name = meta.path().require_ident()?.to_string();
            match (name.as_str(), &meta) {
                ("optional", _) => label = Label::Optional,
                ("repeated", _) => label = Label::Repeated,
                ("tag" | "tags", _) => tags = numbers(&text(&meta)?)?,
                ("message", _) => kind = Some(Kind::Message),
                ("enumeration", _) => kind = Some(Kind::Enumeration(text(&meta)?.parse()?)),
                ("oneof", _) => kind = Some(Kind::Oneof(inner(ty)?)),
                ("btree_map", _) => {
                    let types = text(&meta)?.value();
                    let (key, value) = types.split_once(", ").expect("a map has two types");
                    kind = Some(Kind::Map(module(key), module(value)));
                }
                ("bool" | "bytes" | "double" | "float" | "int32" | "int64" | "string", _) => {
                    kind = Some(Kind::Scalar(module(&name)));
                }
                _ => return Err(syn::Error::new_spanned(meta, "this kind of field is new to the generator: teach it")),
            }
        }
        let kind = kind.ok_or_else(|| syn::Error::new_spanned(attribute, "a field without a kind"))?;
        Ok(Self { ident, kind, label, tags })
    }

    /// The module of `prost::encoding` that writes the value.
    fn module(&self) -> TokenStream {
        match &self.kind {
            Kind::Scalar(module) => quote!(::prost::encoding::#module),
            Kind::Enumeration(_) => quote!(::prost::encoding::int32),
            Kind::Map(..) => quote!(::prost::encoding::btree_map),
            Kind::Message | Kind::Oneof(_) => quote!(::prost::encoding::message),
        }
    }

    /// Whether numbers stand side by side under one key.
    fn is_packed(&self) -> bool {
        match &self.kind {
            Kind::Scalar(module) => module != "string" && module != "bytes",
            Kind::Enumeration(_) => true,
            _ => false,
        }
    }

    /// Whether a plain field holds anything to be written.
    fn is_set(&self) -> TokenStream {
        let ident = &self.ident;
        match &self.kind {
            Kind::Scalar(module) if module == "string" || module == "bytes" => quote!(!self.#ident.is_empty()),
            Kind::Scalar(module) if module == "bool" => quote!(self.#ident),
            // Minus zero equals zero, and is another value.
            Kind::Scalar(module) if module == "double" || module == "float" => quote!(self.#ident.to_bits() != 0),
            _ => quote!(self.#ident != 0),
        }
    }

    fn encode(&self) -> TokenStream {
        let (ident, tag, module) = (&self.ident, self.tags[0], self.module());
        match (&self.kind, self.label) {
            (Kind::Oneof(_), _) => quote! { if let Some(value) = &self.#ident { value.encode(buf); } },
            (Kind::Map(key, value), _) => quote! {
                #module::encode(
                    ::prost::encoding::#key::encode,
                    ::prost::encoding::#key::encoded_len,
                    ::prost::encoding::#value::encode,
                    ::prost::encoding::#value::encoded_len,
                    #tag,
                    &self.#ident,
                    buf,
                );
            },
            (_, Label::Optional) => quote! { if let Some(value) = &self.#ident { #module::encode(#tag, value, buf); } },
            (Kind::Message, Label::Repeated) => {
                quote! { for value in &self.#ident { #module::encode(#tag, value, buf); } }
            }
            (_, Label::Repeated) if self.is_packed() => quote! { #module::encode_packed(#tag, &self.#ident, buf); },
            (_, Label::Repeated) => quote! { #module::encode_repeated(#tag, &self.#ident, buf); },
            (_, Label::Plain) => {
                let is_set = self.is_set();
                quote! { if #is_set { #module::encode(#tag, &self.#ident, buf); } }
            }
        }
    }

    fn encoded_len(&self) -> TokenStream {
        let (ident, tag, module) = (&self.ident, self.tags[0], self.module());
        match (&self.kind, self.label) {
            (Kind::Oneof(path), _) => quote!(self.#ident.as_ref().map_or(0, #path::encoded_len)),
            (Kind::Map(key, value), _) => quote! {
                #module::encoded_len(
                    ::prost::encoding::#key::encoded_len,
                    ::prost::encoding::#value::encoded_len,
                    #tag,
                    &self.#ident,
                )
            },
            (_, Label::Optional) => quote!(self.#ident.as_ref().map_or(0, |value| #module::encoded_len(#tag, value))),
            (_, Label::Repeated) if self.is_packed() => quote!(#module::encoded_len_packed(#tag, &self.#ident)),
            (_, Label::Repeated) => quote!(#module::encoded_len_repeated(#tag, &self.#ident)),
            (_, Label::Plain) => {
                let is_set = self.is_set();
                quote!(if #is_set { #module::encoded_len(#tag, &self.#ident) } else { 0 })
            }
        }
    }

    fn merge(&self) -> TokenStream {
        let (ident, tags, module) = (&self.ident, &self.tags, self.module());
        let merge = match (&self.kind, self.label) {
            (Kind::Oneof(path), _) => quote!(#path::merge(&mut self.#ident, tag, wire_type, buf, ctx)),
            (Kind::Map(key, value), _) => quote! {
                #module::merge(
                    ::prost::encoding::#key::merge,
                    ::prost::encoding::#value::merge,
                    &mut self.#ident,
                    buf,
                    ctx,
                )
            },
            (_, Label::Optional) => {
                quote!(#module::merge(wire_type, self.#ident.get_or_insert_with(Default::default), buf, ctx))
            }
            (_, Label::Repeated) => quote!(#module::merge_repeated(wire_type, &mut self.#ident, buf, ctx)),
            (_, Label::Plain) => quote!(#module::merge(wire_type, &mut self.#ident, buf, ctx)),
        };
        quote! { #(#tags)|* => #merge, }
    }

    /// What reads and writes the number of an enum by its name.
    fn methods(&self) -> Option<TokenStream> {
        let (Kind::Enumeration(path), Label::Plain) = (&self.kind, self.label) else {
            return None;
        };
        let (ident, setter) = (&self.ident, format_ident!("set_{}", self.ident));
        let read = format!("Returns `{ident}`; the default where its number is newer than this code.");
        let write = format!("Sets `{ident}`.");
        Some(quote! {
            #[doc = #read]
            pub fn #ident(&self) -> #path {
                #path::try_from(self.#ident).unwrap_or_default()
            }
            #[doc = #write]
            pub fn #setter(&mut self, value: #path) {
                self.#ident = value as i32;
            }
        })
    }
}

fn module(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

fn text(meta: &Meta) -> syn::Result<LitStr> {
    let value = match meta {
        Meta::NameValue(pair) => &pair.value,
        _ => return Err(syn::Error::new_spanned(meta, "a value is missing")),
    };
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Ok(text.clone()),
        _ => Err(syn::Error::new_spanned(value, "this is no text")),
    }
}

fn numbers(list: &LitStr) -> syn::Result<Vec<u32>> {
    list.value()
        .split(',')
        .map(|tag| tag.trim().parse().map_err(|error| syn::Error::new_spanned(list, error)))
        .collect()
}

/// The type within `Option<…>`.
fn inner(ty: &Type) -> syn::Result<Path> {
    if let Type::Path(outer) = ty
        && let Some(last) = outer.path.segments.last()
        && let syn::PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(syn::GenericArgument::Type(Type::Path(path))) = arguments.args.first()
    {
        return Ok(path.path.clone());
    }
    Err(syn::Error::new_spanned(ty, "a oneof must lie in an Option"))
}
