"""The component within one real Home Assistant, which all these tests share."""
