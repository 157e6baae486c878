//! The guest's side of the capability: conversion only.
